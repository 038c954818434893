-- What became of claimed rows. One that the broker refuses is a dead letter and done here, with its reason. A failed one waits 1, 2, 4 s and is then parked: taken up again every 30 s, never dropped.
with relaxed as (
  -- As in the claim: what is forgotten is published again.
  select set_config('synchronous_commit', 'off', true)
), published as (
  update outbox_events
  set published_at = now(), claimed_by = null, claimed_until = null, error_message = null
  where id in (select value::uuid from jsonb_array_elements_text($1::jsonb -> 'published'))
), refused as (
  update outbox_events o
  set published_at = now(), claimed_by = null, claimed_until = null, attempts = o.attempts + 1, error_message = r.error
  from jsonb_to_recordset($1::jsonb -> 'refused') as r(id uuid, error text)
  where o.id = r.id
), failed as (
  update outbox_events o
  set attempts = o.attempts + 1,
      next_attempt_at = now() + case when o.attempts < 3 then interval '1 second' * (2 ^ o.attempts) else interval '30 seconds' end,
      claimed_by = null, claimed_until = null, error_message = f.error
  from jsonb_to_recordset($1::jsonb -> 'failed') as f(id uuid, error text)
  where o.id = f.id and o.published_at is null
)
select 1 from relaxed
