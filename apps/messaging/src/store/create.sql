-- A conversation with its members, its events and the answer kept for a repeated key: together or not at all.
with input as (
  select $1::jsonb as doc
), n as (
  select n.* from input, jsonb_to_record(doc -> 'conversation') as n(id uuid, title text, created_by uuid, created_at timestamptz, members jsonb)
), conversation as (
  insert into conversations (id, tenant_id, title, created_by, created_at, last_message_at)
  select n.id, (doc ->> 'tenant_id')::uuid, n.title, n.created_by, n.created_at, n.created_at from input, n
  returning id
), member as (
  insert into conversation_members (conversation_id, user_id, joined_at)
  select n.id, (m ->> 'user_id')::uuid, n.created_at from conversation, n, jsonb_array_elements(n.members) as m
), answered as (
  select remember_answer(doc -> 'answer') from input
)
select enqueue(doc -> 'events') from input, conversation, answered
