-- Which of these reminders did a worker decide on?
select coalesce(jsonb_agg(r.id), '[]')::text
from reminders r
where r.id in (select value::uuid from jsonb_array_elements_text($1::jsonb -> 'ids'))
  and r.claimed_by = ($1::jsonb ->> 'worker')::uuid
  and (r.delivery_status in ('triggered', 'delivered', 'failed', 'expired') or r.cancel_reason = 'stale')
