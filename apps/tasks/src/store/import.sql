-- Tasks from a file, each with its tags, its pattern and its events, unless its owner has it already: together or not at all.
with input as (
  select $1::jsonb as doc
), given as (
  select g.* from input, jsonb_to_recordset(doc -> 'tasks') as g(source uuid, task jsonb, pattern jsonb, events jsonb)
), fresh as (
  -- Ordered, so that two statements with the same sources wait for each other instead of locking each other out.
  insert into task_sources (user_id, source, task_id)
  select (g.task ->> 'user_id')::uuid, g.source, (g.task ->> 'id')::uuid from given g order by g.source
  on conflict (user_id, source) do nothing
  returning task_id
), n as (
  select n.*, g.task -> 'tags' as tags, g.pattern, g.events
  from given g
  join fresh on fresh.task_id = (g.task ->> 'id')::uuid,
  jsonb_to_record(g.task) as n(
    id uuid, tenant_id uuid, user_id uuid, title text, description text, status text, priority text, due_at timestamptz,
    reminder_offset_minutes integer, series_id uuid, occurrence integer, completed_at timestamptz, version bigint,
    created_at timestamptz, updated_at timestamptz)
), pattern as (
  insert into recurrence_patterns (
    id, tenant_id, user_id, pattern_type, "interval", days_of_week, day_of_month, end_type, end_after_occurrences, end_by_date, anchor_local, timezone)
  select p.id, n.tenant_id, n.user_id, p.pattern_type, p."interval", p.days_of_week, p.day_of_month, p.end_type, p.end_after_occurrences,
         p.end_by_date, p.anchor_local, p.timezone
  from n, jsonb_to_record(case when jsonb_typeof(n.pattern) = 'object' then n.pattern else '{}' end) as p(
    id uuid, pattern_type text, "interval" integer, days_of_week text[], day_of_month integer, end_type text,
    end_after_occurrences integer, end_by_date date, anchor_local timestamp, timezone text)
  where p.id is not null
), task as (
  insert into tasks (
    id, tenant_id, user_id, title, description, status, priority, due_at, reminder_offset_minutes, recurrence_pattern_id,
    series_id, occurrence, completed_at, version, created_at, updated_at)
  select n.id, n.tenant_id, n.user_id, n.title, n.description, n.status, n.priority, n.due_at, n.reminder_offset_minutes,
         (n.pattern ->> 'id')::uuid, n.series_id, n.occurrence, n.completed_at, n.version, n.created_at, n.updated_at
  from n
), tag as (
  insert into tags (id, tenant_id, user_id, name)
  select t.id, t.tenant_id, t.user_id, t.name
  from input, jsonb_to_recordset(doc -> 'tags') as t(id uuid, tenant_id uuid, user_id uuid, name text) order by fold(t.name)
  on conflict (user_id, fold(name)) do update set name = tags.name
  returning id, name
), link as (
  insert into task_tags (task_id, tag_id)
  select distinct n.id, tag.id from n, jsonb_array_elements_text(n.tags) as borne(name) join tag on fold(tag.name) = fold(borne.name)
)
select enqueue(n.events) from n
