-- The open invitation with this code, or null: there is none, or it was used, revoked or has ended.
select coalesce((
  select jsonb_build_object('id', n.id, 'tenant_id', n.tenant_id, 'email', n.email)
  from invitations n, jsonb_to_record($1::jsonb) as i(code_hash text, now timestamptz)
  where n.code_hash = i.code_hash and n.used_at is null and n.revoked_at is null and n.expires_at > i.now), 'null')::text
