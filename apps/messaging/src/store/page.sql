-- Messages of a conversation in their order: the newest, the newest before one, or the oldest after one. Null for who is not in it.
with i as (
  select * from jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid, "limit" bigint, "before" bigint, "after" bigint)
), mine as (
  select c.id, c.last_sequence from i, conversations c
  where c.id = i.id and exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = i.user_id)
), back as (
  select m.id from i, mine, messages m
  where m.conversation_id = mine.id and i."after" is null and m.sequence < coalesce(i."before", mine.last_sequence + 1)
  order by m.sequence desc limit (select "limit" from i)
), forth as (
  select m.id from i, mine, messages m
  where m.conversation_id = mine.id and m.sequence > i."after"
  order by m.sequence limit (select "limit" from i)
)
select coalesce((
  select jsonb_build_object(
    'items', coalesce((
      select jsonb_agg(message_json(m) order by m.sequence)
      from (select id from back union all select id from forth) page join messages m on m.id = page.id), '[]'),
    'last_sequence', mine.last_sequence)
  from mine), 'null')::text
