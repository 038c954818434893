-- Ends an open invitation of a tenant. 0 rows: there is none, or it was used, revoked or has ended.
update invitations n
set revoked_at = i.now
from jsonb_to_record($1::jsonb) as i(id uuid, tenant_id uuid, now timestamptz)
where n.id = i.id and n.tenant_id = i.tenant_id and n.used_at is null and n.revoked_at is null and n.expires_at > i.now
