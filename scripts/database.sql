-- The database, and for each app one role and one schema. Run by an administrator, as often as wanted:
--   psql -v ON_ERROR_STOP=1 -v identity_password=... (one variable a role, see below) -f scripts/database.sql
-- Settings hang on the role, because connection strings must pass poolers that refuse run-time parameters.

select 'create database outrigger' where not exists (select from pg_database where datname = 'outrigger') \gexec
\connect outrigger

create temporary table app (name text primary key, password text not null);
insert into app values
  ('identity', :'identity_password'),
  ('tasks', :'tasks_password'),
  ('reminders', :'reminders_password'),
  ('notifications', :'notifications_password'),
  ('messaging', :'messaging_password'),
  ('audit', :'audit_password'),
  -- Not an app: the state store that all of them share.
  ('state', :'state_password');

revoke all on database outrigger from public;
revoke all on schema public from public;

select format('create role %I', name) from app where not exists (select from pg_roles where rolname = name) \gexec
select format('alter role %I login password %L', name, password) from app \gexec
select format('grant connect on database outrigger to %I', name) from app \gexec

-- An administrator of a managed server is no superuser: to give a schema to a role it must be a member of it.
select format('grant %I to current_user', name) from app where not pg_has_role(current_user, name, 'member') \gexec
select format('create schema if not exists %I authorization %I', name, name) from app \gexec

-- Optional filters ($1 is null or ...) would get one generic plan after five runs.
select format('alter role %I set search_path = %I', name, name) from app \gexec
select format('alter role %I set plan_cache_mode = force_custom_plan', name) from app \gexec
select format('alter role %I set statement_timeout = %L', name, '10s') from app \gexec
