-- A person as identity last published them, once per event; an older version changes nothing.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(event_id uuid, topic text, user_id uuid, tenant_id uuid, display_name text, version bigint)
), fresh as (
  insert into processed_events (event_id, topic) select event_id, topic from input on conflict do nothing returning 1
), kept as (
  insert into people (user_id, tenant_id, display_name, version) select user_id, tenant_id, display_name, version from input, fresh
  on conflict (user_id) do update set tenant_id = excluded.tenant_id, display_name = excluded.display_name, version = excluded.version
  where people.version < excluded.version
)
select 1 from fresh
