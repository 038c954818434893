-- up
create table things (id uuid primary key, name text not null constraint things_name_key unique, amount bigint not null);
create table attempts (event_id text not null, at timestamptz not null default clock_timestamp());
create table effects (event_id text not null, at timestamptz not null default clock_timestamp());
create table letters (event_id text not null, letter jsonb not null);
create table news (event_id text not null);
create table gates (name text primary key);
-- down
drop table gates;
drop table news;
drop table letters;
drop table effects;
drop table attempts;
drop table things;
