-- up
-- How each person wants to be told, what they were told, and every attempt to tell them.

-- The person as their newest event showed them: channels, addresses, zone.
create table user_settings (
  user_id    uuid,
  tenant_id  uuid not null,
  email      text not null,
  phone      text,
  timezone   text not null,
  in_app     boolean not null,
  by_email   boolean not null,
  by_sms     boolean not null,
  version    bigint not null,
  updated_at timestamptz not null default now(),
  constraint user_settings_key primary key (user_id)
);

-- One reminder on its way to a person. Its row is where the channels, each settled by itself, agree that they are all done.
create table deliveries (
  reminder_id    uuid,
  task_id        uuid not null,
  user_id        uuid not null,
  tenant_id      uuid not null,
  remind_at      timestamptz not null,
  sequence       bigint not null,            -- of reminder.due: its outcome is the next in the reminder's order
  open_channels  integer not null,
  results        jsonb not null,             -- by channel: 'sent', or why not
  event_id       uuid not null,
  traceparent    text,
  correlation_id text not null,
  created_at     timestamptz not null default now(),
  settled_at     timestamptz,
  constraint deliveries_key primary key (reminder_id)
);

create table notifications (
  id              uuid,
  reminder_id     uuid not null,
  task_id         uuid not null,
  user_id         uuid not null,
  tenant_id       uuid not null,
  channel         text not null,
  recipient       text,                      -- address or number when it was made; null in the page
  title           text not null,
  body            text not null,
  status          text not null,
  attempts        integer not null default 0,
  last_error      text,
  next_attempt_at timestamptz not null,
  claimed_until   timestamptz,
  read_at         timestamptz,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  constraint notifications_key primary key (id),
  -- What makes the second delivery of an event harmless, whatever its id.
  constraint notifications_once unique (reminder_id, channel),
  constraint notifications_delivery foreign key (reminder_id) references deliveries (reminder_id),
  constraint notifications_channel_known check (channel in ('in_app', 'email', 'sms')),
  constraint notifications_status_known check (status in ('pending', 'sent', 'failed'))
);
create index notifications_to_send on notifications (next_attempt_at) where status = 'pending';
create index notifications_of_user on notifications (user_id, created_at desc) where channel = 'in_app';
create index notifications_unread on notifications (user_id) where channel = 'in_app' and read_at is null;

-- Written before anything is sent: no mail goes out without a row here.
create table attempts (
  notification_id uuid not null,
  attempt         integer not null,
  worker          uuid not null,
  started_at      timestamptz not null,
  ended_at        timestamptz,
  outcome         text,                      -- 'sent', 'failed', 'refused'; null: died before it could say
  error           text,
  constraint attempts_key primary key (notification_id, attempt),
  constraint attempts_notification foreign key (notification_id) references notifications (id),
  constraint attempts_outcome_known check (outcome in ('sent', 'failed', 'refused'))
);

-- down
drop table attempts;
drop table notifications;
drop table deliveries;
drop table user_settings;
