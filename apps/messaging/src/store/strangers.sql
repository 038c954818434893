-- Those of the given people that the tenant does not have.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(tenant_id uuid, ids uuid[])
)
select coalesce(jsonb_agg(asked.id order by asked.id), '[]')::text
from input, unnest(input.ids) as asked(id)
where not exists (select from people p where p.user_id = asked.id and p.tenant_id = input.tenant_id)
