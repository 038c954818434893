-- Takes somebody out. Changes nothing when `by` is not in it, or they are not. They are told as well as those who stay.
with input as (
  select $1::jsonb as doc
), i as (
  select i.* from input, jsonb_to_record(doc) as i(id uuid, by uuid, member_id uuid)
), conversation as (
  update conversations c set version = c.version + 1 from i
  where c.id = i.id
    and exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = i.by)
    and exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = i.member_id)
  returning c.id, c.version
), gone as (
  delete from conversation_members x using conversation c, i where x.conversation_id = c.id and x.user_id = i.member_id
  returning x.user_id
)
select enqueue(stamp(doc -> 'events', c.version, jsonb_build_object(
  'recipients', (members_of(c.id) - gone.user_id::text) || to_jsonb(gone.user_id))))
from input, conversation c, gone
