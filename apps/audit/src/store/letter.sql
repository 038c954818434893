-- One dead letter, whole; null when there is none.
select coalesce((select to_jsonb(d) from dead_letters d, jsonb_to_record($1::jsonb) as i(id uuid) where d.id = i.id), 'null')::text
