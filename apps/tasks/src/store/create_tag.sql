-- A tag, unless its owner has one of that name in any letter case.
insert into tags (id, tenant_id, user_id, name)
select id, tenant_id, user_id, name from jsonb_to_record($1::jsonb) as i(id uuid, tenant_id uuid, user_id uuid, name text)
on conflict (user_id, fold(name)) do nothing
