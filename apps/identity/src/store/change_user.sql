-- A person's new data and its event, unless someone else was first. 0 rows: the version is no longer the one that was read.
with input as (select $1::jsonb as doc),
changed as (
  update users u
  set display_name = n.display_name, phone = n.phone, timezone = n.timezone, notification_preferences = n.notification_preferences,
    version = n.version, updated_at = (i.doc ->> 'now')::timestamptz
  from input i, jsonb_to_record(i.doc -> 'user') as n(
    id uuid, display_name text, phone text, timezone text, notification_preferences jsonb, version bigint)
  where u.id = n.id and u.version = n.version - 1
  returning u.id)
select enqueue(i.doc -> 'events') from input i, changed
