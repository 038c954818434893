-- What the statements of this suite work on, in the schema and with the role of the app whose name is borrowed.
set role tasks;
create table tasks.things (
  id      uuid constraint things_pkey primary key,
  name    text not null constraint things_name_key unique,
  amount  bigint not null constraint things_amount_check check (amount >= 0),
  at      timestamptz not null,
  tags    text[] not null,
  detail  jsonb not null
);
create table tasks.parts (
  thing_id uuid not null constraint parts_thing_id_fkey references tasks.things (id)
);
