-- The next versions of tasks with their tags, their patterns, their events and the answer kept for a repeated key: all of it if the version
-- before each is still the current one, else nothing.
with input as (
  select $1::jsonb as doc
), n as (
  select n.*, (change ->> 'deleted')::boolean as deleted, change -> 'tags' as tags,
    case when jsonb_typeof(change -> 'pattern') = 'object' then change -> 'pattern' end as pattern
  from input, jsonb_array_elements(doc -> 'tasks') as change, jsonb_to_record(change -> 'task') as n(
    id uuid, tenant_id uuid, user_id uuid, title text, description text, status text, priority text, due_at timestamptz,
    reminder_offset_minutes integer, series_id uuid, occurrence integer, recurrence_ended boolean, completed_at timestamptz, version bigint,
    updated_at timestamptz)
), held as (
  -- Ordered, so that two statements with the same tasks wait for each other instead of locking each other out.
  select t.id from n join tasks t on t.id = n.id and t.user_id = n.user_id and t.version = n.version - 1 order by t.id for update of t
), whole as (
  select from held having count(*) = (select count(*) from n)
), task as (
  update tasks t
  set title = n.title, description = n.description, status = n.status, priority = n.priority, due_at = n.due_at,
      reminder_offset_minutes = n.reminder_offset_minutes, series_id = n.series_id, occurrence = n.occurrence,
      -- None once it belongs to no series any more: its change was taken back.
      recurrence_pattern_id = case when n.series_id is not null then coalesce((n.pattern ->> 'id')::uuid, t.recurrence_pattern_id) end, recurrence_ended = n.recurrence_ended,
      completed_at = n.completed_at, version = n.version, updated_at = n.updated_at,
      deleted_at = case when n.deleted then n.updated_at end,
      changed_in = pg_current_xact_id()
  from n, whole
  where t.id = n.id
  returning t.id, t.tenant_id, t.user_id, t.recurrence_pattern_id, t.recurrence_ended, n.occurrence, n.pattern, n.tags, n.updated_at
), pattern as (
  insert into recurrence_patterns (
    id, tenant_id, user_id, pattern_type, "interval", days_of_week, day_of_month, end_type, end_after_occurrences, end_by_date, anchor_local, timezone)
  -- Of several tasks of a series the first: where its dates begin may have moved with it.
  select distinct on (p.id) p.id, task.tenant_id, task.user_id, p.pattern_type, p."interval", p.days_of_week, p.day_of_month, p.end_type,
         p.end_after_occurrences, p.end_by_date, p.anchor_local, p.timezone
  from task, jsonb_to_record(task.pattern) as p(
    id uuid, pattern_type text, "interval" integer, days_of_week text[], day_of_month integer, end_type text,
    end_after_occurrences integer, end_by_date date, anchor_local timestamp, timezone text)
  where task.pattern is not null
  order by p.id, task.occurrence
  on conflict (id) do update
  set pattern_type = excluded.pattern_type, "interval" = excluded."interval", days_of_week = excluded.days_of_week,
      day_of_month = excluded.day_of_month, end_type = excluded.end_type, end_after_occurrences = excluded.end_after_occurrences,
      end_by_date = excluded.end_by_date, anchor_local = excluded.anchor_local, timezone = excluded.timezone,
      stopped_at = null
), stopped as (
  update recurrence_patterns r set stopped_at = task.updated_at
  from task
  where r.id = task.recurrence_pattern_id and task.pattern is null and task.recurrence_ended and r.stopped_at is null
), wanted as (
  select task.id as task_id, task.tenant_id, task.user_id, g.id, g.name from task, jsonb_to_recordset(task.tags) as g(id uuid, name text)
), tag as (
  insert into tags (id, tenant_id, user_id, name)
  select distinct on (fold(name)) id, tenant_id, user_id, name from wanted order by fold(name)
  on conflict (user_id, fold(name)) do update set name = tags.name
  returning id, name
), unlinked as (
  delete from task_tags l using task, tags g
  where l.task_id = task.id and g.id = l.tag_id
    and not exists (select from wanted where wanted.task_id = task.id and fold(wanted.name) = fold(g.name))
), linked as (
  insert into task_tags (task_id, tag_id)
  select wanted.task_id, tag.id from wanted join tag on fold(tag.name) = fold(wanted.name) on conflict do nothing
), answered as (
  select remember_answer(doc -> 'answer') from input, whole
)
select enqueue(doc -> 'events') from input, whole, answered
