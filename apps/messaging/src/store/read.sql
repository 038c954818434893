-- A conversation as one of its members sees it; null for anybody else.
select coalesce((
  select conversation_json(v) from jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid), conversation_view v
  where v.conversation_id = i.id and v.user_id = i.user_id), 'null')::text
