-- One page of an owner's tasks; as it stands, the newest of them all. list.rs puts fixed pieces where the marks are, never a client's text.
-- Without a search the page follows an index and ends where it is full; what a search finds is kept, for the page and for its total.
with filtered as not materialized (
  select t.id, t.created_at /*keys*/
  from tasks t
  where t.user_id = ($1::jsonb ->> 'user_id')::uuid and t.deleted_at is null /*filters*/
), page as (
  select ordered.id, row_number() over () as position
  from (
    select id from filtered order by /*order*/ created_at desc, id desc
    limit ($1::jsonb ->> 'limit')::bigint offset ($1::jsonb ->> 'offset')::bigint) ordered
), total as (
  select count(*) as n from filtered
)
select jsonb_build_object(
  'items', coalesce((select jsonb_agg(task_json(t) order by page.position) from page join tasks t on t.id = page.id), '[]'),
  'total', total.n,
  'limit', ($1::jsonb ->> 'limit')::bigint,
  'offset', ($1::jsonb ->> 'offset')::bigint,
  'has_more', total.n > ($1::jsonb ->> 'limit')::bigint + ($1::jsonb ->> 'offset')::bigint)::text
from total
