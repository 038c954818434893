-- Rows to publish now, oldest first, for one worker. A row waits for every earlier unpublished row of its key, parked ones included.
with input as (
  -- Not waited for until it is on disk: a claim that PostgreSQL forgets when it dies only repeats events, which every consumer bears.
  select worker, lease_seconds, batch, set_config('synchronous_commit', 'off', true)
  from jsonb_to_record($1::jsonb) as i(worker uuid, lease_seconds integer, batch integer)
), ready as (
  -- A payload of up to 2,000 bytes is at most six times as long when written out; only a larger or compressed one is measured, which costs.
  select o.id, o.seq,
    case when pg_column_size(o.payload) <= 2000 and pg_column_compression(o.payload) is null then 12000
      else octet_length(o.payload::text) end as size
  from outbox_events o
  where o.published_at is null
    and o.next_attempt_at <= now()
    and (o.claimed_until is null or o.claimed_until < now())
    -- Only the index of the waiting has this condition, so only the index by key can answer what is asked next. Left to the planner, whose
    -- statistics may be of a quiet hour, each row would be compared with all others.
    and o.attempts >= 0
    -- The first of its key.
    and o.seq = (
      select e.seq from outbox_events e where e.published_at is null and e.topic = o.topic and e.key = o.key order by e.seq limit 1)
  order by o.next_attempt_at, o.seq
  limit (select batch from input)
  for update of o skip locked
), fitting as (
  -- What goes in one call must stay below the sidecar's 16 MiB, or none of it would ever go: 8 MB, or one row whatever its size.
  select id from (select id, sum(size) over (order by seq) - size as before from ready) as sized where before < 8000000
), claimed as (
  update outbox_events o
  set claimed_by = input.worker, claimed_until = now() + make_interval(secs => input.lease_seconds)
  from fitting, input
  where o.id = fitting.id
  returning o.id, o.seq, o.topic, o.key, o.event_type, o.payload, o.traceparent, o.created_at
)
select coalesce(json_agg(row_to_json(claimed) order by seq), '[]')::text from claimed
