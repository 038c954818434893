-- A session in use lives on. 0 rows: there is none, or it has ended.
update sessions s
set expires_at = i.expires_at
from jsonb_to_record($1::jsonb) as i(token_hash text, now timestamptz, expires_at timestamptz)
where s.token_hash = i.token_hash and s.expires_at > i.now
