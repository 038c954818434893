-- up
-- What a task is called in the program it was taken from, so that the same file makes no second one. It goes with its task: whoever removes one for
-- good may take it again.
create table task_sources (
  user_id uuid not null,
  source  uuid not null,                               -- version 5, of the format and the name there
  task_id uuid not null references tasks (id) on delete cascade,
  constraint task_sources_once primary key (user_id, source)
);
create index task_sources_by_task on task_sources (task_id);

-- down
drop table task_sources;
