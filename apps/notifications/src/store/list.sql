-- One page of what a person was told in the page, newest first.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(user_id uuid, unread boolean, "limit" integer, "offset" integer)
), mine as (
  select n.* from notifications n, input
  where n.user_id = input.user_id and n.channel = 'in_app' and (not input.unread or n.read_at is null)
), page as (
  select id, reminder_id, task_id, title, body, read_at, created_at from mine
  order by created_at desc, id desc
  limit (select "limit" from input) offset (select "offset" from input)
)
select jsonb_build_object(
  'items', (select coalesce(jsonb_agg(to_jsonb(page) order by created_at desc, id desc), '[]') from page),
  'total', (select count(*) from mine),
  'unread_count', (select count(*) from notifications n, input where n.user_id = input.user_id and n.channel = 'in_app' and n.read_at is null)
)::text
