-- Names of tags as their owner first wrote them; new ones as they are.
select coalesce(jsonb_agg(coalesce(g.name, n.name) order by fold(n.name) collate "C"), '[]')::text
from jsonb_array_elements_text($1::jsonb -> 'names') as n(name)
left join tags g on g.user_id = ($1::jsonb ->> 'user_id')::uuid and fold(g.name) = fold(n.name)
