-- A reminder's time has come: one row for each channel that is on, what the page is told, and the outcome when no channel is left open.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    event_id uuid, topic text, reminder_id uuid, task_id uuid, user_id uuid, tenant_id uuid, remind_at timestamptz, sequence bigint, open_channels integer,
    results jsonb, traceparent text, correlation_id text, now timestamptz, events jsonb)
), fresh as (
  insert into processed_events (event_id, topic) select event_id, topic from input on conflict do nothing returning event_id
), delivery as (
  insert into deliveries (
    reminder_id, task_id, user_id, tenant_id, remind_at, sequence, open_channels, results, event_id, traceparent, correlation_id, created_at, settled_at)
  select reminder_id, task_id, user_id, tenant_id, remind_at, sequence, open_channels, results, input.event_id, traceparent, correlation_id, now,
         case when open_channels = 0 then now end
  from input, fresh
  on conflict (reminder_id) do nothing
  returning reminder_id
), told as (
  insert into notifications (
    id, reminder_id, task_id, user_id, tenant_id, channel, recipient, title, body, status, last_error, next_attempt_at, created_at, updated_at)
  select n.id, delivery.reminder_id, input.task_id, input.user_id, input.tenant_id, n.channel, n.recipient, n.title, n.body, n.status, n.last_error,
         now(), input.now, input.now
  from jsonb_to_recordset($1::jsonb -> 'notifications') as n(id uuid, channel text, recipient text, title text, body text, status text, last_error text),
       input, delivery
)
select enqueue(input.events) from input, delivery
