-- Takes a scheduled reminder away. The schedule's revision moves, so that a plan made before does not bring it back.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(id uuid, task_id uuid, version bigint, now timestamptz, event jsonb)
), held as (
  update task_schedule s set revision = s.revision + 1, updated_at = input.now from input where s.task_id = input.task_id returning s.task_id
), removed as (
  update reminders r
  set delivery_status = 'cancelled', cancel_reason = 'removed', version = r.version + 1, claimed_until = null, updated_at = input.now
  from input, held
  where r.id = input.id and r.version = input.version and r.delivery_status = 'scheduled'
  returning r.id
)
select enqueue(jsonb_build_array(input.event)) from input, removed
