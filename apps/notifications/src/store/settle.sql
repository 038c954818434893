-- How an attempt ended. The delivery's row counts the channels down: it is locked by whoever settles, so exactly one of them is the last.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    id uuid, attempt integer, outcome text, is_final boolean, error text, wait_seconds double precision, now timestamptz, delivered jsonb, failed jsonb)
), changed as (
  update notifications n
  set status = case when input.outcome = 'sent' then 'sent' when input.is_final then 'failed' else 'pending' end,
      last_error = input.error, next_attempt_at = now() + make_interval(secs => input.wait_seconds), claimed_until = null, updated_at = input.now
  from input
  where n.id = input.id and n.attempts = input.attempt and n.status = 'pending'
  returning n.id, n.reminder_id, n.channel, n.status
), noted as (
  update attempts a
  set ended_at = input.now, outcome = input.outcome, error = input.error
  from input, changed
  where a.notification_id = changed.id and a.attempt = input.attempt
), settled as (
  update deliveries d
  set open_channels = d.open_channels - 1,
      results = d.results || jsonb_build_object(changed.channel, input.outcome),
      settled_at = case when d.open_channels = 1 then input.now end
  from input, changed
  where d.reminder_id = changed.reminder_id and changed.status <> 'pending'
  returning d.open_channels, d.results
), events as (
  select jsonb_set(
    case when exists (select from jsonb_each_text(settled.results) where value = 'sent') then input.delivered else input.failed end,
    '{payload,channels}', settled.results) as event
  from settled, input
  where settled.open_channels = 0
)
select enqueue(coalesce((select jsonb_agg(event) from events), '[]')) from changed
