-- A browser that signed in.
insert into sessions (id, tenant_id, user_id, token_hash, created_at, expires_at)
select id, tenant_id, user_id, token_hash, created_at, expires_at
from jsonb_to_record($1::jsonb) as i(id uuid, tenant_id uuid, user_id uuid, token_hash text, created_at timestamptz, expires_at timestamptz)
