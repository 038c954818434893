-- A client, the hash of its secret and whom it acts for, or null.
select coalesce((
  select jsonb_build_object(
    'secret_hash', c.secret_hash,
    'holder', jsonb_build_object(
      'user_id', u.id, 'tenant_id', u.tenant_id, 'client_id', c.id, 'scopes', to_jsonb(u.scopes), 'timezone', u.timezone, 'rate', c.rate))
  from clients c
  join users u on u.id = c.user_id, jsonb_to_record($1::jsonb) as i(id uuid)
  where c.id = i.id), 'null')::text
