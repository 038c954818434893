-- up
-- Who did what, to which thing, and when: one row an event. Rows are written once and go only by retention.
create table audit_logs (
  id             uuid primary key,
  event_id       uuid not null,          -- of the event; of an operator's action its own
  tenant_id      uuid not null,
  user_id        uuid not null,
  action         text not null,
  entity_type    text not null,
  entity_id      uuid not null,
  before         jsonb,                  -- where the event says it
  after          jsonb,
  correlation_id text not null,
  sequence       bigint not null,        -- the thing's version: orders what happened to it within one instant
  occurred_at    timestamptz not null,
  recorded_at    timestamptz not null,
  constraint audit_logs_once unique (event_id)
);
create index audit_logs_time on audit_logs (occurred_at desc, sequence desc, id desc);
create index audit_logs_entity on audit_logs (entity_type, entity_id, occurred_at desc);
create index audit_logs_user on audit_logs (user_id, occurred_at desc);
create index audit_logs_correlation on audit_logs (correlation_id);

-- A log that could be edited would prove nothing.
create function audit_logs_are_final() returns trigger language plpgsql as $$
begin
  raise exception 'rows of audit_logs are never changed' using errcode = 'OR002';
end $$;
create trigger audit_logs_final before update on audit_logs for each row execute function audit_logs_are_final();

-- Events that an app gave up, until an operator replays or discards them. Words from outside are kept as text: a broken event may say anything.
create table dead_letters (
  id          uuid primary key,
  tenant_id   uuid,                      -- absent when the event was too broken to say
  user_id     uuid,
  event_id    text not null,
  topic       text not null,
  app         text,                      -- absent when the sidecar gave it up: its letters do not say for whom
  event_type  text not null,
  reason      text not null,
  attempts    integer not null,
  failed_at   timestamptz not null,
  original    jsonb not null,
  state       text not null default 'open',
  received_at timestamptz not null,
  settled_at  timestamptz,
  settled_by  uuid,
  constraint dead_letters_state check (state in ('open', 'replayed', 'discarded'))
);
-- The same event given up twice by the same app is one letter.
create unique index dead_letters_once on dead_letters (event_id, topic, (coalesce(app, '')));
create index dead_letters_open on dead_letters (topic) where state = 'open';
create index dead_letters_time on dead_letters (received_at desc, id desc);

-- down
drop table dead_letters;
drop table audit_logs;
drop function audit_logs_are_final();
