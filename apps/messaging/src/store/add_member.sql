-- Brings somebody in, who has read what came before. Changes nothing when `by` is not in it, or they are, or it is full.
with input as (
  select $1::jsonb as doc
), i as (
  select i.* from input, jsonb_to_record(doc) as i(id uuid, by uuid, member_id uuid, now timestamptz, most bigint)
), conversation as (
  update conversations c set version = c.version + 1 from i
  where c.id = i.id
    and exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = i.by)
    and not exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = i.member_id)
    and (select count(*) from conversation_members x where x.conversation_id = c.id) < i.most
  returning c.id, c.version, c.last_sequence
), member as (
  insert into conversation_members (conversation_id, user_id, joined_at, last_read_sequence)
  select c.id, i.member_id, i.now, c.last_sequence from conversation c, i
  returning user_id
)
select enqueue(stamp(doc -> 'events', c.version, jsonb_build_object(
  'recipients', (members_of(c.id) - member.user_id::text) || to_jsonb(member.user_id))))
from input, conversation c, member
