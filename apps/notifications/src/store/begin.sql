-- Records an attempt before it is made, unless another instance is at it.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(id uuid, attempts integer, worker uuid, lease_seconds integer)
), free as (
  select n.id from notifications n
  where n.id = (select id from input) and n.attempts = (select attempts from input) and n.status = 'pending'
    and (n.claimed_until is null or n.claimed_until < now())
  for update of n skip locked
), begun as (
  update notifications n
  set attempts = n.attempts + 1, claimed_until = now() + make_interval(secs => input.lease_seconds), updated_at = now()
  from free, input
  where n.id = free.id
  returning n.id, n.attempts
)
insert into attempts (notification_id, attempt, worker, started_at) select begun.id, begun.attempts, input.worker, now() from begun, input
