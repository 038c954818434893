-- Reminders whose time has come by the database's clock and by the app's, oldest first, for one worker. A claim ends with its lease.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(worker uuid, now timestamptz, batch integer, lease_seconds integer)
), due as (
  select r.id
  from reminders r
  where r.delivery_status = 'scheduled'
    and r.remind_at <= now() and r.remind_at <= (select now from input)
    and (r.claimed_until is null or r.claimed_until < now())
  order by r.remind_at, r.id
  limit (select batch from input)
  for update of r skip locked
), claimed as (
  update reminders r
  set claimed_by = input.worker, claimed_at = now(), claimed_until = now() + make_interval(secs => input.lease_seconds), attempts = r.attempts + 1
  from due, input
  where r.id = due.id
  returning r.*
)
select coalesce(jsonb_agg(to_jsonb(claimed) order by remind_at, id), '[]')::text from claimed
