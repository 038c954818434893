-- What another app may know of one task of one owner.
select coalesce((
  select jsonb_build_object(
    'known', true, 'title', t.title, 'status', t.status, 'due_at', t.due_at, 'reminder_offset_minutes', t.reminder_offset_minutes, 'version', t.version)
  from tasks t, jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid)
  where t.id = i.id and t.user_id = i.user_id and t.deleted_at is null), '{"known": false}')::text
