-- A person's feed; a new key takes the place of the one before.
insert into feeds (user_id, tenant_id, key_hash, created_at)
select user_id, tenant_id, key_hash, created_at
from jsonb_to_record($1::jsonb) as i(user_id uuid, tenant_id uuid, key_hash text, created_at timestamptz)
on conflict (user_id) do update set key_hash = excluded.key_hash, created_at = excluded.created_at
