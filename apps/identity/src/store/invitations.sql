-- One page of a tenant's open invitations, newest first: neither used nor revoked nor ended.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(tenant_id uuid, now timestamptz, "limit" bigint, "offset" bigint)
), open as (
  select n.id, n.email, n.user_id, n.created_at, n.expires_at
  from invitations n, input i
  where n.tenant_id = i.tenant_id and n.used_at is null and n.revoked_at is null and n.expires_at > i.now
), page as (
  select * from open order by created_at desc, id desc limit (select "limit" from input) offset (select "offset" from input)
), total as (
  select count(*) as n from open
)
select jsonb_build_object(
  'items', coalesce((select jsonb_agg(to_jsonb(page) order by page.created_at desc, page.id desc) from page), '[]'),
  'total', total.n, 'limit', i."limit", 'offset', i."offset", 'has_more', total.n > i."limit" + i."offset")::text
from input i, total
