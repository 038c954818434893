-- up
-- What every app that owns data has in its schema, beside its own tables: the outbox, the inbox and the stored answers.

-- Events leave through here. A row is written by the statement that makes the change, so both exist or neither.
create table outbox_events (
  id                uuid primary key,
  seq               bigint generated always as identity,  -- order per key: drawn after the aggregate's row is locked
  topic             text not null,
  key               text not null,
  aggregate_type    text not null,
  aggregate_id      uuid not null,
  aggregate_version bigint not null,
  event_type        text not null,
  payload           jsonb not null,
  traceparent       text,
  created_at        timestamptz not null default now(),
  published_at      timestamptz,
  attempts          integer not null default 0,
  next_attempt_at   timestamptz not null default now(),
  claimed_by        uuid,
  claimed_until     timestamptz,
  error_message     text,
  constraint outbox_events_once unique (aggregate_id, event_type, aggregate_version)
-- Room beside each row: a claim then changes it in place and no index hears of it (less than half of the WAL of a claim).
) with (fillfactor = 50);
create index outbox_events_waiting on outbox_events (next_attempt_at, seq) where published_at is null and attempts >= 0;  -- why: outbox/claim.sql
create index outbox_events_waiting_by_key on outbox_events (topic, key, seq) where published_at is null;
create index outbox_events_published on outbox_events (published_at) where published_at is not null;

-- What makes the second delivery of an event harmless: the effect's own statement writes this row.
create table processed_events (
  event_id     uuid primary key,
  topic        text not null,
  processed_at timestamptz not null default now()
);
create index processed_events_age on processed_events (processed_at);

-- The answer that a repeated Idempotency-Key gets, for 24 hours.
create table idempotency_keys (
  user_id      uuid not null,
  key          text not null,
  request_hash text not null,
  status       integer not null,
  body         jsonb not null,
  created_at   timestamptz not null default now(),
  constraint idempotency_keys_once primary key (user_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- Writes the events of a change; called by the change's own statement. Gives how many.
create function enqueue(events jsonb) returns integer language sql volatile as $$
  with written as (
    insert into outbox_events (id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent)
    select id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent
    from jsonb_to_recordset(events) as e(
      id uuid, topic text, key text, aggregate_type text, aggregate_id uuid, aggregate_version bigint, event_type text, payload jsonb, traceparent text)
    returning 1)
  select count(*)::integer from written
$$;

-- Keeps the answer of a request that came with a key; a key in use violates idempotency_keys_once, so the change is not made twice.
create function remember_answer(answer jsonb) returns void language sql volatile as $$
  delete from idempotency_keys k
  where k.user_id = (answer ->> 'user_id')::uuid and k.key = answer ->> 'key' and k.created_at < now() - interval '24 hours';
  insert into idempotency_keys (user_id, key, request_hash, status, body)
  select (answer ->> 'user_id')::uuid, answer ->> 'key', answer ->> 'request_hash', (answer ->> 'status')::integer, answer -> 'body'
  where jsonb_typeof(answer) = 'object';
$$;

-- down
drop function remember_answer(jsonb);
drop function enqueue(jsonb);
drop table idempotency_keys;
drop table processed_events;
drop table outbox_events;
