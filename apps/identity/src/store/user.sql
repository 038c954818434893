-- The person with this id, or null.
select coalesce((
  select jsonb_build_object(
    'id', u.id, 'tenant_id', u.tenant_id, 'email', u.email, 'display_name', u.display_name, 'phone', u.phone, 'timezone', u.timezone,
    'notification_preferences', u.notification_preferences, 'version', u.version, 'created_at', u.created_at)
  from users u, jsonb_to_record($1::jsonb) as i(id uuid)
  where u.id = i.id), 'null')::text
