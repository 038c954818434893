-- Messages of a channel that wait to be sent now, the oldest first. A claim that has run out is an attempt that died.
with input as (
  select channel, "limit" from jsonb_to_record($1::jsonb) as i(channel text, "limit" integer)
), waiting as (
  select n.id, n.reminder_id, n.task_id, n.user_id, n.tenant_id, n.channel, n.recipient, n.title, n.body, n.attempts, n.next_attempt_at,
         d.remind_at, d.sequence, d.event_id, d.traceparent, d.correlation_id
  from notifications n join deliveries d using (reminder_id)
  where n.status = 'pending'
    and n.channel = (select channel from input)
    and n.next_attempt_at <= now()
    and (n.claimed_until is null or n.claimed_until < now())
  order by n.next_attempt_at, n.id
  limit (select "limit" from input)
)
select coalesce(jsonb_agg(to_jsonb(waiting) order by next_attempt_at, id), '[]')::text from waiting
