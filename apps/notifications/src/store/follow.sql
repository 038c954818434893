-- How a person wants to be told, from their newest event.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    event_id uuid, topic text, user_id uuid, tenant_id uuid, email text, phone text, timezone text, in_app boolean, by_email boolean, by_sms boolean,
    version bigint, now timestamptz)
), fresh as (
  insert into processed_events (event_id, topic) select event_id, topic from input on conflict do nothing returning event_id
), followed as (
  insert into user_settings as s (user_id, tenant_id, email, phone, timezone, in_app, by_email, by_sms, version, updated_at)
  select user_id, tenant_id, email, phone, timezone, in_app, by_email, by_sms, version, now from input, fresh
  on conflict (user_id) do update set
    tenant_id = excluded.tenant_id, email = excluded.email, phone = excluded.phone, timezone = excluded.timezone, in_app = excluded.in_app,
    by_email = excluded.by_email, by_sms = excluded.by_sms, version = excluded.version, updated_at = excluded.updated_at
  where s.version < excluded.version
)
select 1 from fresh
