-- What a person may know of their feed; null when there is none.
select coalesce((
  select jsonb_build_object('created_at', f.created_at) from feeds f where f.user_id = ($1::jsonb ->> 'user_id')::uuid), 'null')::text
