-- Goes on from `note.sql` when the change means something for reminders: they and their events.
, cancelled as (
  -- One that has fired since it was read stays as it is, and has no event.
  update reminders r
  set delivery_status = 'cancelled', cancel_reason = c.reason, version = r.version + 1, claimed_until = null, updated_at = input.now
  from jsonb_to_recordset($1::jsonb -> 'cancelled') as c(id uuid, version bigint, reason text, event jsonb), input, fresh
  where r.id = c.id and r.version = c.version and r.delivery_status = 'scheduled'
  returning c.event
), restored as (
  update reminders r
  set delivery_status = 'scheduled', cancel_reason = null, version = r.version + 1, claimed_until = null, updated_at = input.now,
      traceparent = input.traceparent, correlation_id = input.correlation_id
  from jsonb_to_recordset($1::jsonb -> 'restored') as c(id uuid, version bigint, event jsonb), input, fresh, (select count(*) from cancelled) as first
  where r.id = c.id and r.version = c.version and r.delivery_status = 'cancelled'
  returning c.event
), scheduled as (
  insert into reminders (
    id, task_id, user_id, tenant_id, offset_minutes, remind_at, due_at, source, delivery_status, version, traceparent, correlation_id, created_at, updated_at)
  select c.id, input.task_id, input.user_id, input.tenant_id, c.offset_minutes, c.remind_at, c.due_at, c.source, 'scheduled', 1,
         input.traceparent, input.correlation_id, input.now, input.now
  from jsonb_to_recordset($1::jsonb -> 'scheduled') as c(id uuid, offset_minutes integer, remind_at timestamptz, due_at timestamptz, source text), input, fresh,
       -- The offset of a moved reminder is free only after it was cancelled.
       (select count(*) from cancelled) as first
  returning id
), events as (
  select event from cancelled
  union all
  select event from restored
  union all
  select c.event from jsonb_to_recordset($1::jsonb -> 'scheduled') as c(id uuid, event jsonb) join scheduled using (id)
)
-- One row for the task's event and one for each of its own: what has fired meanwhile was not cancelled, and is not counted.
select enqueue('[]') from fresh
union all
select enqueue(jsonb_build_array(event)) from events
