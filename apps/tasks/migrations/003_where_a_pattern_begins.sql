-- up
-- A task shows where the dates of its pattern begin: whoever computes one needs it.
create or replace function task_json(t tasks) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', t.id, 'user_id', t.user_id, 'tenant_id', t.tenant_id, 'title', t.title, 'description', t.description,
    'status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'reminder_offset_minutes', t.reminder_offset_minutes,
    'tags', coalesce((select jsonb_agg(g.name order by lower(g.name)) from task_tags l join tags g on g.id = l.tag_id where l.task_id = t.id), '[]'),
    'recurrence_pattern', (
      select jsonb_strip_nulls(jsonb_build_object(
        'pattern_type', p.pattern_type, 'interval', p."interval", 'days_of_week', to_jsonb(p.days_of_week), 'day_of_month', p.day_of_month,
        'end_type', p.end_type, 'end_after_occurrences', p.end_after_occurrences, 'end_by_date', p.end_by_date,
        'anchor_local', p.anchor_local, 'timezone', p.timezone))
      from recurrence_patterns p where p.id = t.recurrence_pattern_id and p.stopped_at is null),
    'series_id', t.series_id, 'occurrence', t.occurrence, 'recurrence_ended', t.recurrence_ended, 'completed_at', t.completed_at,
    'version', t.version, 'created_at', t.created_at, 'updated_at', t.updated_at)
$$;

-- down
create or replace function task_json(t tasks) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', t.id, 'user_id', t.user_id, 'tenant_id', t.tenant_id, 'title', t.title, 'description', t.description,
    'status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'reminder_offset_minutes', t.reminder_offset_minutes,
    'tags', coalesce((select jsonb_agg(g.name order by lower(g.name)) from task_tags l join tags g on g.id = l.tag_id where l.task_id = t.id), '[]'),
    'recurrence_pattern', (
      select jsonb_strip_nulls(jsonb_build_object(
        'pattern_type', p.pattern_type, 'interval', p."interval", 'days_of_week', to_jsonb(p.days_of_week), 'day_of_month', p.day_of_month,
        'end_type', p.end_type, 'end_after_occurrences', p.end_after_occurrences, 'end_by_date', p.end_by_date))
      from recurrence_patterns p where p.id = t.recurrence_pattern_id and p.stopped_at is null),
    'series_id', t.series_id, 'occurrence', t.occurrence, 'recurrence_ended', t.recurrence_ended, 'completed_at', t.completed_at,
    'version', t.version, 'created_at', t.created_at, 'updated_at', t.updated_at)
$$;
