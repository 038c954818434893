-- A tag of one owner; its links go with it, and the tasks that bore it have changed for whoever keeps a copy.
with gone as (
  delete from tags g using jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid) where g.id = i.id and g.user_id = i.user_id returning g.id
), bore as (
  update tasks t set changed_in = pg_current_xact_id() from gone, task_tags l where l.tag_id = gone.id and t.id = l.task_id
)
select from gone
