-- Those things of a file that their owner has as tasks already: taken before, or written from a task of theirs.
select coalesce(jsonb_object_agg(i.source, coalesce(s.task_id, t.id)), '{}')::text
from jsonb_to_recordset($1::jsonb -> 'items') as i(source uuid, own uuid)
left join task_sources s on s.user_id = ($1::jsonb ->> 'user_id')::uuid and s.source = i.source
left join tasks t on t.user_id = ($1::jsonb ->> 'user_id')::uuid and t.id = i.own
where coalesce(s.task_id, t.id) is not null
