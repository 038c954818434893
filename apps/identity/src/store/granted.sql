-- Whoever has this address, and what they may do, or null.
select coalesce((
  select jsonb_build_object('user_id', u.id, 'email', u.email, 'scopes', to_jsonb(u.scopes))
  from users u, jsonb_to_record($1::jsonb) as i(email text)
  where u.email = i.email), 'null')::text
