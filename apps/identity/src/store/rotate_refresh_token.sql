-- A refresh token gives way to its successor. 0 rows: someone used it in the meantime.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(id uuid, successor uuid, token_hash text, now timestamptz, expires_at timestamptz)),
rotated as (
  update refresh_tokens t
  set rotated_to = i.successor
  from input i
  where t.id = i.id and t.rotated_to is null and t.revoked_at is null
  returning t.*)
insert into refresh_tokens (id, tenant_id, user_id, client_id, family_id, token_hash, scope, created_at, expires_at)
select i.successor, r.tenant_id, r.user_id, r.client_id, r.family_id, i.token_hash, r.scope, i.now, i.expires_at
from input i, rotated r
