-- The owner's zone, once per event; an older version changes nothing.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(event_id uuid, topic text, user_id uuid, timezone text, version bigint)
), fresh as (
  insert into processed_events (event_id, topic) select event_id, topic from input on conflict do nothing returning 1
), kept as (
  insert into user_settings (user_id, timezone, version) select user_id, timezone, version from input, fresh
  on conflict (user_id) do update set timezone = excluded.timezone, version = excluded.version where user_settings.version < excluded.version
)
select 1 from fresh
