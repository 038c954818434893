-- Follows a change of a task: its schedule (only if nobody changed it since it was read) and the inbox row. `follow.sql` goes on from here.
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
)
