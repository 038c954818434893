-- What the tokens of a person's first client say, or null.
select coalesce((
  select jsonb_build_object(
    'user_id', u.id, 'tenant_id', u.tenant_id, 'client_id', c.id, 'scopes', to_jsonb(u.scopes), 'timezone', u.timezone, 'rate', c.rate)
  from clients c
  join users u on u.id = c.user_id, jsonb_to_record($1::jsonb) as i(user_id uuid)
  where c.user_id = i.user_id
  order by c.created_at, c.id
  limit 1), 'null')::text
