-- A tag of one owner; its links go with it.
delete from tags g using jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid) where g.id = i.id and g.user_id = i.user_id
