-- A task as this app knows it, its reminders of any state, the oldest first, and whether one event had its effect.
with input as (
  select task_id, event_id from jsonb_to_record($1::jsonb) as i(task_id uuid, event_id uuid)
)
select jsonb_build_object(
  'processed', exists (select from processed_events p, input where p.event_id = input.event_id),
  'schedule', (select to_jsonb(s) from task_schedule s, input where s.task_id = input.task_id),
  'reminders', coalesce((select jsonb_agg(to_jsonb(r) order by r.created_at, r.id) from reminders r, input where r.task_id = input.task_id), '[]')
)::text
