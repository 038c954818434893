-- Reminders whose job is not as their row wants it, the soonest first, for one instance and a lease.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(batch integer, lease_seconds integer)
), found as (
  select r.id
  from reminders r
  where r.job is distinct from case when r.delivery_status = 'scheduled' then r.version end
    and (r.job_until is null or r.job_until < now())
  order by r.remind_at
  limit (select batch from input)
  for update of r skip locked
), held as (
  update reminders r
  set job_until = now() + make_interval(secs => input.lease_seconds)
  from found, input
  where r.id = found.id
  returning r.id, r.remind_at, r.job as stands, case when r.delivery_status = 'scheduled' then r.version end as wanted
)
select coalesce(jsonb_agg(to_jsonb(held) order by remind_at), '[]')::text from held
