-- A refresh token by its hash, whether it still lives, and whom it acts for, or null.
select coalesce((
  select jsonb_build_object(
    'id', t.id, 'scope', t.scope,
    'expired', t.expires_at <= i.now,
    'spent', t.rotated_to is not null or exists (select from refresh_tokens f where f.family_id = t.family_id and f.revoked_at is not null),
    'holder', jsonb_build_object(
      'user_id', u.id, 'tenant_id', u.tenant_id, 'client_id', c.id, 'scopes', to_jsonb(u.scopes), 'timezone', u.timezone, 'rate', c.rate))
  from refresh_tokens t
  join clients c on c.id = t.client_id
  join users u on u.id = t.user_id, jsonb_to_record($1::jsonb) as i(token_hash text, now timestamptz)
  where t.token_hash = i.token_hash), 'null')::text
