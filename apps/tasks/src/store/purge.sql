-- What was deleted over 30 days ago is gone for good, in bounded bites; but what was completed of a series stays in its history, as long as
-- there is anything of the series to ask it of.
delete from tasks where id in (
  select t.id from tasks t
  where t.deleted_at < now() - interval '30 days'
    and not (t.status = 'completed' and exists (select from tasks other where other.series_id = t.series_id and other.deleted_at is null))
  limit 1000)
