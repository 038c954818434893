-- The next instance of a series that goes on, with its tags and its events. Unique by series and number, so a repeat writes nothing.
with n as (
  select n.* from jsonb_to_record($1::jsonb -> 'task') as n(
    id uuid, tenant_id uuid, user_id uuid, title text, description text, status text, priority text, due_at timestamptz,
    reminder_offset_minutes integer, series_id uuid, occurrence integer, version bigint, created_at timestamptz, updated_at timestamptz,
    tags text[])
), task as (
  insert into tasks (
    id, tenant_id, user_id, title, description, status, priority, due_at, reminder_offset_minutes, recurrence_pattern_id,
    series_id, occurrence, version, created_at, updated_at)
  select n.id, n.tenant_id, n.user_id, n.title, n.description, n.status, n.priority, n.due_at, n.reminder_offset_minutes, p.id,
         n.series_id, n.occurrence, n.version, n.created_at, n.updated_at
  from n join recurrence_patterns p on p.id = n.series_id and p.stopped_at is null
  on conflict do nothing
  returning id, user_id
), link as (
  insert into task_tags (task_id, tag_id)
  select task.id, g.id from task, n, unnest(n.tags) as wanted(name) join tags g on fold(g.name) = fold(wanted.name)
  where g.user_id = task.user_id
)
select enqueue($1::jsonb -> 'events') from task
