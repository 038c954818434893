-- up
-- Tasks, their tags and their patterns. Every list is one owner's, so every index begins with the owner.

create table recurrence_patterns (
  id                    uuid primary key,               -- also the series
  tenant_id             uuid not null,
  user_id               uuid not null,
  pattern_type          text not null constraint recurrence_patterns_type check (pattern_type in ('daily', 'weekly', 'monthly', 'yearly')),
  "interval"            integer not null constraint recurrence_patterns_interval check ("interval" between 1 and 365),
  days_of_week          text[],
  day_of_month          integer constraint recurrence_patterns_day check (day_of_month between 1 and 31),
  end_type              text not null constraint recurrence_patterns_end check (end_type in ('never', 'after_occurrences', 'by_date')),
  end_after_occurrences integer,
  end_by_date           date,
  anchor_local          timestamp,                      -- the first due time as the owner reads it; every date is computed from it
  timezone              text not null,
  stopped_at            timestamptz
);

create table tasks (
  id                      uuid primary key,
  tenant_id               uuid not null,
  user_id                 uuid not null,
  title                   text not null constraint tasks_title check (char_length(title) between 1 and 200),
  description             text constraint tasks_description check (char_length(description) <= 10000),
  status                  text not null constraint tasks_status check (status in ('todo', 'in_progress', 'completed')),
  priority                text not null constraint tasks_priority check (priority in ('high', 'medium', 'low')),
  due_at                  timestamptz,
  reminder_offset_minutes integer constraint tasks_reminder_offset check (reminder_offset_minutes between 0 and 525600),
  recurrence_pattern_id   uuid references recurrence_patterns (id),
  series_id               uuid,
  occurrence              integer,
  recurrence_ended        boolean not null default false,
  completed_at            timestamptz,
  version                 bigint not null default 1,
  created_at              timestamptz not null,
  updated_at              timestamptz not null,
  deleted_at              timestamptz,                  -- 404 everywhere; purged after 30 days, so that a deletion can be undone
  changed_in              xid8 not null default pg_current_xact_id(),  -- lets a client ask what changed since, without gaps
  search_vector           tsvector not null generated always as (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'B')) stored,
  constraint tasks_completed_has_time check ((status = 'completed') = (completed_at is not null)),
  constraint tasks_once_per_occurrence unique (series_id, occurrence)
);
create index tasks_newest on tasks (user_id, created_at desc, id desc) where deleted_at is null;
create index tasks_by_status on tasks (user_id, status) where deleted_at is null;
create index tasks_by_priority on tasks (user_id, priority) where deleted_at is null;
create index tasks_by_due on tasks (user_id, due_at) where deleted_at is null;
create index tasks_by_change on tasks (user_id, changed_in);
create index tasks_deleted on tasks (deleted_at) where deleted_at is not null;
create index tasks_search on tasks using gin (search_vector);

create table tags (
  id         uuid primary key,
  tenant_id  uuid not null,
  user_id    uuid not null,
  name       text not null constraint tags_name check (char_length(name) between 1 and 50),
  created_at timestamptz not null default now()
);
create unique index tags_once_per_owner on tags (user_id, lower(name));

create table task_tags (
  task_id uuid not null references tasks (id) on delete cascade,
  tag_id  uuid not null references tags (id) on delete cascade,
  primary key (task_id, tag_id)
);
create index task_tags_by_tag on task_tags (tag_id);

-- The owner's zone, as identity last published it.
create table user_settings (
  user_id  uuid primary key,
  timezone text not null,
  version  bigint not null
);

-- A task as the API and the events show it; the one place that names its fields.
create function task_json(t tasks) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', t.id, 'user_id', t.user_id, 'tenant_id', t.tenant_id, 'title', t.title, 'description', t.description,
    'status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'reminder_offset_minutes', t.reminder_offset_minutes,
    'tags', coalesce((select jsonb_agg(g.name order by lower(g.name)) from task_tags l join tags g on g.id = l.tag_id where l.task_id = t.id), '[]'),
    'recurrence_pattern', (
      select jsonb_strip_nulls(jsonb_build_object(
        'pattern_type', p.pattern_type, 'interval', p."interval", 'days_of_week', to_jsonb(p.days_of_week), 'day_of_month', p.day_of_month,
        'end_type', p.end_type, 'end_after_occurrences', p.end_after_occurrences, 'end_by_date', p.end_by_date))
      from recurrence_patterns p where p.id = t.recurrence_pattern_id and p.stopped_at is null),
    'series_id', t.series_id, 'occurrence', t.occurrence, 'recurrence_ended', t.recurrence_ended, 'completed_at', t.completed_at,
    'version', t.version, 'created_at', t.created_at, 'updated_at', t.updated_at)
$$;

-- down
drop function task_json(tasks);
drop table user_settings;
drop table task_tags;
drop table tags;
drop table tasks;
drop table recurrence_patterns;
