-- Ends the family of a refresh token, known by its hash. 0 rows: there is no such token, or it had ended.
update refresh_tokens t
set revoked_at = i.now
from jsonb_to_record($1::jsonb) as i(token_hash text, now timestamptz)
where t.family_id = (select f.family_id from refresh_tokens f where f.token_hash = i.token_hash) and t.revoked_at is null
