-- Whose feed a key opens, and the zone they live in; null when it opens none.
select coalesce((
  select jsonb_build_object('user_id', f.user_id, 'timezone', s.timezone)
  from feeds f left join user_settings s on s.user_id = f.user_id
  where f.key_hash = $1::jsonb ->> 'key_hash'), 'null')::text
