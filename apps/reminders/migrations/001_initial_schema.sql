-- up
-- What reminders knows of tasks, and when each person wants to be told of them.

-- The task as its newest event showed it. A deleted task stays as a tombstone, so that a late older event cannot bring it back.
create table task_schedule (
  task_id        uuid,
  user_id        uuid not null,
  tenant_id      uuid not null,
  title          text not null,
  due_at         timestamptz,
  offset_minutes integer,           -- the task's own reminder; reminders that a person added are not here
  status         text not null,
  version        bigint not null,   -- of the task; 0 until its first event came
  revision       bigint not null,   -- moves with every change of this row or of a reminder by its owner: what a plan was made from
  traceparent    text,
  correlation_id text,
  updated_at     timestamptz not null default now(),
  constraint task_schedule_key primary key (task_id),
  constraint task_schedule_status_known check (status in ('open', 'completed', 'deleted'))
);

-- No foreign key to task_schedule: rows of both are written by one statement, and a tombstone outlives nobody.
create table reminders (
  id              uuid,
  task_id         uuid not null,
  user_id         uuid not null,
  tenant_id       uuid not null,
  offset_minutes  integer not null,
  remind_at       timestamptz not null,
  due_at          timestamptz not null,
  source          text not null,           -- 'task' follows the task's own offset, 'person' was added by hand
  delivery_status text not null,
  cancel_reason   text,
  channel_results jsonb not null default '{}',
  version         bigint not null,
  attempts        integer not null default 0,
  claimed_at      timestamptz,
  claimed_until   timestamptz,
  claimed_by      uuid,
  traceparent     text,                    -- of the request that set it: being reminded belongs to that story
  correlation_id  text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  constraint reminders_key primary key (id),
  constraint reminders_offset_range check (offset_minutes between 0 and 525600),
  constraint reminders_source_known check (source in ('task', 'person')),
  constraint reminders_delivery_status_known check (delivery_status in ('scheduled', 'triggered', 'delivered', 'failed', 'cancelled', 'expired')),
  constraint reminders_cancelled_why check ((delivery_status = 'cancelled') = (cancel_reason is not null))
);
-- What the clock looks for.
create index reminders_due on reminders (remind_at) where delivery_status = 'scheduled';
create unique index reminders_once_open on reminders (task_id, offset_minutes) where delivery_status = 'scheduled';
create index reminders_of_task on reminders (task_id, remind_at);

-- down
drop table reminders;
drop table task_schedule;
