-- A new person with their first client, and the event that tells of them. Whoever shows an invitation uses it up by this, once: of two at a time
-- the second waits for the row and finds it used. 0 rows: the invitation is no longer open. An address in use violates users_email_once.
with input as (select $1::jsonb as doc),
invited as (
  update invitations n
  set used_at = u.created_at, used_by = u.id
  from input i, jsonb_to_record(i.doc -> 'user') as u(id uuid, tenant_id uuid, created_at timestamptz)
  where n.id = (i.doc ->> 'invitation_id')::uuid and n.tenant_id = u.tenant_id
    and n.used_at is null and n.revoked_at is null and n.expires_at > u.created_at
  returning n.id),
person as (
  insert into users (id, tenant_id, email, display_name, password_hash, timezone, notification_preferences, version, created_at, updated_at)
  select u.id, u.tenant_id, u.email, u.display_name, i.doc ->> 'password_hash', u.timezone, u.notification_preferences, u.version, u.created_at, u.created_at
  from input i, jsonb_to_record(i.doc -> 'user') as u(
    id uuid, tenant_id uuid, email text, display_name text, timezone text, notification_preferences jsonb, version bigint, created_at timestamptz)
  where i.doc ->> 'invitation_id' is null or exists (select from invited)
  returning id, tenant_id, created_at),
client as (
  insert into clients (id, tenant_id, user_id, secret_hash, created_at)
  select (i.doc ->> 'client_id')::uuid, p.tenant_id, p.id, i.doc ->> 'secret_hash', p.created_at
  from input i, person p
  returning 1)
select enqueue(i.doc -> 'events') from input i, person, client
