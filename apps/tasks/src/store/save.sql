-- The next version of a task with its tags, its pattern and its events, if the version before it is still the current one.
with input as (
  select $1::jsonb as doc
), n as (
  select n.* from input, jsonb_to_record(doc -> 'task') as n(
    id uuid, tenant_id uuid, user_id uuid, title text, description text, status text, priority text, due_at timestamptz,
    reminder_offset_minutes integer, series_id uuid, occurrence integer, recurrence_ended boolean, completed_at timestamptz, version bigint,
    updated_at timestamptz)
), p as (
  select p.* from input, jsonb_to_record(case when jsonb_typeof(doc -> 'pattern') = 'object' then doc -> 'pattern' else '{}' end) as p(
    id uuid, pattern_type text, "interval" integer, days_of_week text[], day_of_month integer, end_type text,
    end_after_occurrences integer, end_by_date date, anchor_local timestamp, timezone text)
), task as (
  update tasks t
  set title = n.title, description = n.description, status = n.status, priority = n.priority, due_at = n.due_at,
      reminder_offset_minutes = n.reminder_offset_minutes, series_id = n.series_id, occurrence = n.occurrence,
      recurrence_pattern_id = coalesce(p.id, t.recurrence_pattern_id), recurrence_ended = n.recurrence_ended,
      completed_at = n.completed_at, version = n.version, updated_at = n.updated_at,
      deleted_at = case when (doc ->> 'deleted')::boolean then n.updated_at end,
      changed_in = pg_current_xact_id()
  from input, n, p
  where t.id = n.id and t.user_id = n.user_id and t.version = n.version - 1
  returning t.id, t.tenant_id, t.user_id, t.recurrence_pattern_id, t.recurrence_ended
), pattern as (
  insert into recurrence_patterns (
    id, tenant_id, user_id, pattern_type, "interval", days_of_week, day_of_month, end_type, end_after_occurrences, end_by_date, anchor_local, timezone)
  select p.id, task.tenant_id, task.user_id, p.pattern_type, p."interval", p.days_of_week, p.day_of_month, p.end_type, p.end_after_occurrences,
         p.end_by_date, p.anchor_local, p.timezone
  from task, p where p.id is not null
  on conflict (id) do update
  set pattern_type = excluded.pattern_type, "interval" = excluded."interval", days_of_week = excluded.days_of_week,
      day_of_month = excluded.day_of_month, end_type = excluded.end_type, end_after_occurrences = excluded.end_after_occurrences,
      end_by_date = excluded.end_by_date, anchor_local = excluded.anchor_local, timezone = excluded.timezone,
      stopped_at = null
), stopped as (
  update recurrence_patterns r set stopped_at = n.updated_at
  from task, n, p
  where r.id = task.recurrence_pattern_id and p.id is null and task.recurrence_ended and r.stopped_at is null
), wanted as (
  select g.id, g.name from input, task, jsonb_to_recordset(doc -> 'tags') as g(id uuid, name text)
), tag as (
  insert into tags (id, tenant_id, user_id, name)
  select wanted.id, task.tenant_id, task.user_id, wanted.name from task, wanted order by fold(wanted.name)
  on conflict (user_id, fold(name)) do update set name = tags.name
  returning id
), unlinked as (
  delete from task_tags l using task, tags g
  where l.task_id = task.id and g.id = l.tag_id and fold(g.name) not in (select fold(name) from wanted)
), linked as (
  insert into task_tags (task_id, tag_id) select task.id, tag.id from task, tag on conflict do nothing
)
select enqueue(doc -> 'events') from input, task
