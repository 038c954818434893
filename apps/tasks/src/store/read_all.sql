-- Those of the given tasks that are the owner's, deleted or not.
select coalesce(jsonb_agg(jsonb_build_object('task', task_json(t), 'deleted', t.deleted_at is not null)), '[]')::text
from tasks t
where t.user_id = ($1::jsonb ->> 'user_id')::uuid and t.id = any (array(select jsonb_array_elements_text($1::jsonb -> 'ids')::uuid))
