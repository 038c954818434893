-- A browser signed out.
delete from sessions s using jsonb_to_record($1::jsonb) as i(token_hash text) where s.token_hash = i.token_hash
