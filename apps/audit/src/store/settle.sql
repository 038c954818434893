-- Settles an open letter and writes down who did it.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    id uuid, state text, settled_at timestamptz, row_id uuid, tenant_id uuid, user_id uuid, action text, before jsonb, after jsonb, correlation_id text)
), settled as (
  update dead_letters d set state = i.state, settled_at = i.settled_at, settled_by = i.user_id
  from input i where d.id = i.id and d.state = 'open'
  returning d.id
)
insert into audit_logs (id, event_id, tenant_id, user_id, action, entity_type, entity_id, before, after, correlation_id, sequence, occurred_at, recorded_at)
select i.row_id, i.row_id, i.tenant_id, i.user_id, i.action, 'dead_letter', s.id, i.before, i.after, i.correlation_id, 0, i.settled_at, i.settled_at
from input i, settled s
