-- A person's feed is read no more.
delete from feeds where user_id = ($1::jsonb ->> 'user_id')::uuid
