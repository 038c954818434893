-- An invitation into the tenant of whoever makes it. 0 rows: there is no such person in it.
insert into invitations (id, tenant_id, user_id, email, code_hash, created_at, expires_at)
select i.id, u.tenant_id, u.id, i.email, i.code_hash, i.created_at, i.expires_at
from jsonb_to_record($1::jsonb) as i(
  id uuid, tenant_id uuid, user_id uuid, email text, code_hash text, created_at timestamptz, expires_at timestamptz)
join users u on u.id = i.user_id and u.tenant_id = i.tenant_id
