-- A message at the end of its conversation, with its events. Changes nothing when there is one with this id, or its sender is not in it.
-- The conversation's lock gives messages their places, one after the other, and each its own time. Who says something has read what came before.
with input as (
  select $1::jsonb as doc
), m as (
  select m.* from input, jsonb_to_record(doc) as m(id uuid, conversation_id uuid, sender_id uuid, content text, trace_id text)
), conversation as (
  update conversations c
  set version = c.version + 1, last_sequence = c.last_sequence + 1,
      last_message_at = greatest(clock_timestamp(), c.last_message_at + interval '1 microsecond')
  from m
  where c.id = m.conversation_id
    and exists (select from conversation_members x where x.conversation_id = c.id and x.user_id = m.sender_id)
    and not exists (select from messages x where x.id = m.id)
  returning c.id, c.version, c.last_sequence, c.last_message_at
), message as (
  insert into messages (id, conversation_id, sender_id, content, sequence, trace_id, created_at)
  select m.id, c.id, m.sender_id, m.content, c.last_sequence, m.trace_id, c.last_message_at from m, conversation c
  returning id
), reader as (
  update conversation_members x set last_read_sequence = greatest(x.last_read_sequence, c.last_sequence)
  from m, conversation c where x.conversation_id = c.id and x.user_id = m.sender_id
)
select enqueue(stamp(doc -> 'events', c.version, jsonb_build_object(
  'recipients', members_of(c.id),
  'message', jsonb_build_object(
    'sequence', c.last_sequence, 'created_at', to_char(c.last_message_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))))
from input, conversation c, message
