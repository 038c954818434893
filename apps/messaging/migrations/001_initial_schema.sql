-- up
-- Conversations of a team: who is in them, what was said and in which order, and how far each member has read.

-- Who may be spoken to: everybody of the tenant, as identity last published them.
create table people (
  user_id      uuid not null,
  tenant_id    uuid not null,
  display_name text not null,
  version      bigint not null,
  constraint people_pkey primary key (user_id)
);

create table conversations (
  id              uuid not null,
  tenant_id       uuid not null,
  title           text,
  created_by      uuid not null,
  created_at      timestamptz not null,
  version         bigint not null default 1,  -- every change of it and in it; the order of its events
  last_sequence   bigint not null default 0,  -- of its newest message; its row's lock is what gives messages their order
  last_message_at timestamptz not null,       -- when something was last said; of a new one, when it was begun
  constraint conversations_pkey primary key (id),
  constraint conversations_title check (char_length(title) between 1 and 100)
);

-- Who sends has read what came before: so nothing is counted. What is unread lies between two numbers, and all of it is of others.
create table conversation_members (
  conversation_id    uuid not null,
  user_id            uuid not null,
  joined_at          timestamptz not null,
  last_read_sequence bigint not null default 0,
  constraint conversation_members_pkey primary key (conversation_id, user_id),
  constraint conversation_members_conversation foreign key (conversation_id) references conversations on delete cascade
);
create index conversation_members_by_user on conversation_members (user_id);

create table messages (
  id              uuid not null,              -- made by who sent it: the second of the same id violates messages_pkey
  conversation_id uuid not null,
  sender_id       uuid not null,
  content         text not null,
  sequence        bigint not null,
  trace_id        text not null,              -- of the request that sent it
  created_at      timestamptz not null,
  constraint messages_pkey primary key (id),
  constraint messages_in_order unique (conversation_id, sequence),
  constraint messages_conversation foreign key (conversation_id) references conversations on delete cascade,
  constraint messages_content check (octet_length(content) between 1 and 65536)
);

-- A conversation as each of its members sees it. Right after every write, because it keeps nothing of its own.
create view conversation_view as
  select c.id as conversation_id, m.user_id, c.last_message_at as last_message_timestamp, said.content as last_message_content,
         c.last_sequence - m.last_read_sequence as unread_count, c.title, c.created_by, c.created_at, c.last_sequence, m.last_read_sequence
  from conversation_members m
  join conversations c on c.id = m.conversation_id
  left join messages said on said.conversation_id = c.id and said.sequence = c.last_sequence;

-- The same as the API shows it; the one place that names its fields.
create function conversation_json(v conversation_view) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', v.conversation_id, 'title', v.title, 'created_by', v.created_by, 'created_at', v.created_at,
    'last_message_timestamp', v.last_message_timestamp, 'last_message_content', left(v.last_message_content, 200),
    'last_sequence', v.last_sequence, 'last_read_sequence', v.last_read_sequence, 'unread_count', v.unread_count,
    'members', (
      select jsonb_agg(jsonb_build_object('user_id', m.user_id, 'display_name', p.display_name, 'last_read_sequence', m.last_read_sequence)
                       order by m.joined_at, m.user_id)
      from conversation_members m left join people p on p.user_id = m.user_id where m.conversation_id = v.conversation_id))
$$;

-- A message as the API shows it. Read is what every other member has read; alone with oneself nobody has.
create function message_json(m messages) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', m.id, 'conversation_id', m.conversation_id, 'sender_id', m.sender_id, 'content', m.content, 'sequence', m.sequence,
    'created_at', m.created_at,
    'status', case when (
      select min(o.last_read_sequence) from conversation_members o where o.conversation_id = m.conversation_id and o.user_id <> m.sender_id
    ) >= m.sequence then 'READ' else 'SENT' end)
$$;

-- Who is in it now. A function that may change things sees what was committed while its statement waited for the conversation's lock;
-- the statement itself does not.
create function members_of(conversation uuid) returns jsonb language plpgsql volatile as $$
begin
  return (select coalesce(jsonb_agg(user_id order by user_id), '[]') from conversation_members where conversation_id = conversation);
end
$$;

-- Events with what only the statement knows: their place in the conversation's order, and those of their own fields that `known` has.
create function stamp(events jsonb, place bigint, known jsonb) returns jsonb language sql immutable as $$
  select jsonb_agg(e || jsonb_build_object('aggregate_version', place, 'payload',
    (e -> 'payload')
    || coalesce((
      select jsonb_object_agg(k.key, case jsonb_typeof(k.value) when 'object' then (e -> 'payload' -> k.key) || k.value else k.value end)
      from jsonb_each(known) k where e -> 'payload' ? k.key), '{}')
    || jsonb_build_object('metadata', (e -> 'payload' -> 'metadata') || jsonb_build_object('sequence', place))))
  from jsonb_array_elements(events) e
$$;

-- down
drop function stamp(jsonb, bigint, jsonb);
drop function members_of(uuid);
drop function message_json(messages);
drop function conversation_json(conversation_view);
drop view conversation_view;
drop table messages;
drop table conversation_members;
drop table conversations;
drop table people;
