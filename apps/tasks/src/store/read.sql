-- One task of one owner, deleted or not as asked; null when there is none.
select coalesce((
  select task_json(t) from tasks t, jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid, deleted boolean)
  where t.id = i.id and t.user_id = i.user_id and (t.deleted_at is not null) = i.deleted), 'null')::text
