-- Those of the given tasks that are still to be done, with their title and due date now.
select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'title', t.title, 'due_at', t.due_at)), '[]')::text
from tasks t
where t.id = any (array(select jsonb_array_elements_text($1::jsonb -> 'ids')::uuid)) and t.deleted_at is null and t.status <> 'completed'
