-- Somebody has read. Changes nothing when they have read elsewhere meanwhile, or are no longer in it.
with input as (
  select $1::jsonb as doc
), i as (
  select i.* from input, jsonb_to_record(doc) as i(id uuid, user_id uuid, "from" bigint, up_to bigint)
), conversation as (
  update conversations c set version = c.version + 1 from i
  where c.id = i.id
    and exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = i.user_id and x.last_read_sequence = i."from")
  returning c.id, c.version
), reader as (
  update conversation_members x set last_read_sequence = i.up_to from i, conversation c
  where x.conversation_id = c.id and x.user_id = i.user_id and x.last_read_sequence = i."from"
  returning 1
)
select enqueue(stamp(doc -> 'events', c.version, jsonb_build_object('recipients', members_of(c.id)))) from input, conversation c, reader
