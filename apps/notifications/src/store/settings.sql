-- How a person wants to be told, or null.
select coalesce((select to_jsonb(s) from user_settings s where s.user_id = ($1::jsonb ->> 'user_id')::uuid), 'null')::text
