-- The person of a session and what their token says, or null.
select coalesce((
  select jsonb_build_object(
    'user', jsonb_build_object(
      'id', u.id, 'tenant_id', u.tenant_id, 'email', u.email, 'display_name', u.display_name, 'phone', u.phone, 'timezone', u.timezone,
      'notification_preferences', u.notification_preferences, 'version', u.version, 'created_at', u.created_at),
    'holder', jsonb_build_object(
      'user_id', u.id, 'tenant_id', u.tenant_id, 'client_id', null, 'scopes', to_jsonb(u.scopes), 'timezone', u.timezone, 'rate', null))
  from sessions s
  join users u on u.id = s.user_id, jsonb_to_record($1::jsonb) as i(token_hash text)
  where s.token_hash = i.token_hash), 'null')::text
