-- What there is of a message that was sent: itself, when it is of this sender, to this place and in these words.
with i as (
  select * from jsonb_to_record($1::jsonb) as i(id uuid, conversation_id uuid, sender_id uuid, content text)
), found as (
  select m as message, m.trace_id, (m.conversation_id, m.sender_id, m.content) = (i.conversation_id, i.sender_id, i.content) as is_same
  from i join messages m on m.id = i.id
)
select jsonb_build_object(
  'is_member', exists (select from conversation_members x, i where x.conversation_id = i.conversation_id and x.user_id = i.sender_id),
  'accepted', (select message_json(message) || jsonb_build_object('trace_id', trace_id) from found where is_same),
  'is_another', exists (select from found where not is_same))::text
