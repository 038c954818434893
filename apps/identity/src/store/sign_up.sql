-- A new person in a new tenant, their first client, and the event that tells of them. An address in use violates users_email_once.
with input as (select $1::jsonb as doc),
person as (
  insert into users (id, tenant_id, email, display_name, password_hash, timezone, notification_preferences, version, created_at, updated_at)
  select u.id, u.tenant_id, u.email, u.display_name, i.doc ->> 'password_hash', u.timezone, u.notification_preferences, u.version, u.created_at, u.created_at
  from input i, jsonb_to_record(i.doc -> 'user') as u(
    id uuid, tenant_id uuid, email text, display_name text, timezone text, notification_preferences jsonb, version bigint, created_at timestamptz)
  returning id, tenant_id, created_at),
client as (
  insert into clients (id, tenant_id, user_id, secret_hash, created_at)
  select (i.doc ->> 'client_id')::uuid, p.tenant_id, p.id, i.doc ->> 'secret_hash', p.created_at
  from input i, person p
  returning 1)
select enqueue(i.doc -> 'events') from input i, person, client
