-- Adds a reminder by hand: only if nobody changed the task or its reminders since they were read. A task not known yet gets a row of version 0.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    id uuid, task_id uuid, user_id uuid, tenant_id uuid, title text, due_at timestamptz, offset_minutes integer, status text, version bigint, revision bigint,
    reminder_due_at timestamptz, reminder_offset integer, remind_at timestamptz, traceparent text, correlation_id text, now timestamptz, event jsonb, answer jsonb)
), held as (
  insert into task_schedule as s (task_id, user_id, tenant_id, title, due_at, offset_minutes, status, version, revision, traceparent, correlation_id, updated_at)
  select task_id, user_id, tenant_id, title, due_at, offset_minutes, status, version, revision + 1, traceparent, correlation_id, now from input
  on conflict (task_id) do update set revision = excluded.revision, updated_at = excluded.updated_at
  where s.revision = excluded.revision - 1
  returning s.task_id
), answered as (
  -- Before the reminder: a repeat must be known by its key, not by the offset that it took itself.
  select remember_answer(input.answer) is null as done from input, held
), added as (
  insert into reminders (
    id, task_id, user_id, tenant_id, offset_minutes, remind_at, due_at, source, delivery_status, version, traceparent, correlation_id, created_at, updated_at)
  select id, task_id, user_id, tenant_id, reminder_offset, remind_at, reminder_due_at, 'person', 'scheduled', 1, traceparent, correlation_id, now, now
  from input, (select count(*) from answered) as first
  where exists (select from held)
  returning id
)
select enqueue(jsonb_build_array(input.event)) from input, added
