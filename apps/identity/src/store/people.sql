-- One page of a tenant's people, by name in any letters.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(tenant_id uuid, "limit" bigint, "offset" bigint)
), everyone as (
  select u.id, u.display_name, u.email, u.created_at, lower(u.display_name collate "und-x-icu") as name
  from users u, input i
  where u.tenant_id = i.tenant_id
), page as (
  select * from everyone order by name, id limit (select "limit" from input) offset (select "offset" from input)
), total as (
  select count(*) as n from everyone
)
select jsonb_build_object(
  'items', coalesce((
    select jsonb_agg(jsonb_build_object('id', id, 'display_name', display_name, 'email', email, 'created_at', created_at) order by name, id)
    from page), '[]'),
  'total', total.n, 'limit', i."limit", 'offset', i."offset", 'has_more', total.n > i."limit" + i."offset")::text
from input i, total
