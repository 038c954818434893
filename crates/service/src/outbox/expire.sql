-- Published rows live 7 days; an inbox row outlives every message of the broker (168 h); a stored answer lives 24 hours. Bounded, so no lock is held long.
with published as (
  delete from outbox_events where id in (
    select id from outbox_events where published_at < now() - make_interval(secs => ($1::jsonb ->> 'published_seconds')::double precision) limit 5000)
), processed as (
  delete from processed_events where event_id in (
    select event_id from processed_events where processed_at < now() - interval '8 days' limit 5000)
)
delete from idempotency_keys where (user_id, key) in (
  select user_id, key from idempotency_keys where created_at < now() - interval '24 hours' limit 5000)
