-- One page of a person's conversations, those first where something was last said.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(user_id uuid, "limit" bigint, "offset" bigint)
), mine as materialized (
  select c.id, c.last_message_at from input, conversation_members m join conversations c on c.id = m.conversation_id
  where m.user_id = input.user_id
), page as (
  select id, row_number() over () as position from (
    select id from mine order by last_message_at desc, id desc
    limit (select "limit" from input) offset (select "offset" from input)) ordered
), total as (
  select count(*) as n from mine
)
select jsonb_build_object(
  'items', coalesce((
    select jsonb_agg(conversation_json(v) order by page.position)
    from page join conversation_view v on v.conversation_id = page.id and v.user_id = input.user_id), '[]'),
  'total', total.n, 'limit', input."limit", 'offset', input."offset", 'has_more', total.n > input."limit" + input."offset")::text
from input, total
