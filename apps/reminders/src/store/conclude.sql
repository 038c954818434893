-- How the delivery of a reminder ended, by channel.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(event_id uuid, topic text, id uuid, status text, channels jsonb, version bigint, now timestamptz)
), fresh as (
  insert into processed_events (event_id, topic) select event_id, topic from input on conflict do nothing returning event_id
), concluded as (
  update reminders r
  set delivery_status = input.status, channel_results = input.channels, version = greatest(r.version + 1, input.version), updated_at = input.now
  from input, fresh
  where r.id = input.id and r.delivery_status = 'triggered'
)
select 1 from fresh
