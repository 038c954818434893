-- Follows a change of a task: its schedule (only if nobody changed it since it was read), its reminders, their events, and the inbox row.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    event_id uuid, topic text, task_id uuid, user_id uuid, tenant_id uuid, title text, due_at timestamptz, offset_minutes integer, status text,
    version bigint, expected_revision bigint, traceparent text, correlation_id text, now timestamptz)
), kept as (
  insert into task_schedule as s (task_id, user_id, tenant_id, title, due_at, offset_minutes, status, version, revision, traceparent, correlation_id, updated_at)
  select task_id, user_id, tenant_id, title, due_at, offset_minutes, status, version, expected_revision + 1, traceparent, correlation_id, now from input
  on conflict (task_id) do update set
    user_id = excluded.user_id, tenant_id = excluded.tenant_id, title = excluded.title, due_at = excluded.due_at,
    offset_minutes = excluded.offset_minutes, status = excluded.status, version = excluded.version, revision = excluded.revision,
    traceparent = excluded.traceparent, correlation_id = excluded.correlation_id, updated_at = excluded.updated_at
  where s.revision = excluded.revision - 1
  returning s.task_id
), fresh as (
  -- Not "on conflict do nothing": a second effect must take all of this back with it.
  insert into processed_events (event_id, topic) select event_id, topic from input, kept returning event_id
), cancelled as (
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
