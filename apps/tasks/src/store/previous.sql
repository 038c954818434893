-- What the change that made this version of a task says of before; null for a version that no change of fields made, or whose event is kept no more.
select coalesce((
  select e.payload -> 'previous'
  from jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid, version bigint)
  join tasks t on t.id = i.id and t.user_id = i.user_id
  join outbox_events e on e.aggregate_id = t.id and e.event_type = 'task.updated' and e.aggregate_version = i.version), 'null')::text
