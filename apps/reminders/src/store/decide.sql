-- What becomes of claimed reminders, each with its event: only of those that still are the worker's, as it claimed them.
with decided as (
  update reminders r
  set delivery_status = v.status, cancel_reason = v.reason, version = r.version + 1, updated_at = now()
  from jsonb_to_recordset($1::jsonb -> 'verdicts') as v(id uuid, version bigint, status text, reason text, event jsonb)
  where r.id = v.id and r.version = v.version and r.delivery_status = 'scheduled' and r.claimed_by = ($1::jsonb ->> 'worker')::uuid
  returning v.event
)
select enqueue(jsonb_build_array(event)) from decided
