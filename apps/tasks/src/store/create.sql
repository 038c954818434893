-- A task with its tags, its pattern, its events and the answer kept for a repeated key: together or not at all.
with input as (
  select $1::jsonb as doc
), n as (
  select n.* from input, jsonb_to_record(doc -> 'task') as n(
    id uuid, tenant_id uuid, user_id uuid, title text, description text, status text, priority text, due_at timestamptz,
    reminder_offset_minutes integer, series_id uuid, occurrence integer, completed_at timestamptz, version bigint,
    created_at timestamptz, updated_at timestamptz)
), pattern as (
  insert into recurrence_patterns (
    id, tenant_id, user_id, pattern_type, "interval", days_of_week, day_of_month, end_type, end_after_occurrences, end_by_date, anchor_local, timezone)
  select p.id, n.tenant_id, n.user_id, p.pattern_type, p."interval", p.days_of_week, p.day_of_month, p.end_type, p.end_after_occurrences,
         p.end_by_date, p.anchor_local, p.timezone
  from input, n, jsonb_to_record(case when jsonb_typeof(doc -> 'pattern') = 'object' then doc -> 'pattern' else '{}' end) as p(
    id uuid, pattern_type text, "interval" integer, days_of_week text[], day_of_month integer, end_type text,
    end_after_occurrences integer, end_by_date date, anchor_local timestamp, timezone text)
  where p.id is not null
  returning id
), task as (
  insert into tasks (
    id, tenant_id, user_id, title, description, status, priority, due_at, reminder_offset_minutes, recurrence_pattern_id,
    series_id, occurrence, completed_at, version, created_at, updated_at)
  select n.id, n.tenant_id, n.user_id, n.title, n.description, n.status, n.priority, n.due_at, n.reminder_offset_minutes, (select id from pattern),
         n.series_id, n.occurrence, n.completed_at, n.version, n.created_at, n.updated_at
  from n
  returning id
), tag as (
  -- Ordered, so that two statements with the same new tags wait for each other instead of locking each other out.
  insert into tags (id, tenant_id, user_id, name)
  select g.id, n.tenant_id, n.user_id, g.name from input, n, jsonb_to_recordset(doc -> 'tags') as g(id uuid, name text) order by fold(g.name)
  on conflict (user_id, fold(name)) do update set name = tags.name
  returning id
), link as (
  insert into task_tags (task_id, tag_id) select task.id, tag.id from task, tag
), answered as (
  select remember_answer(doc -> 'answer') from input
)
select enqueue(doc -> 'events') from input, task, answered
