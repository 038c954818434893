-- The first refresh token of a new family.
insert into refresh_tokens (id, tenant_id, user_id, client_id, family_id, token_hash, scope, created_at, expires_at)
select id, tenant_id, user_id, client_id, id, token_hash, scope, created_at, expires_at
from jsonb_to_record($1::jsonb) as i(
  id uuid, tenant_id uuid, user_id uuid, client_id uuid, token_hash text, scope text, created_at timestamptz, expires_at timestamptz)
