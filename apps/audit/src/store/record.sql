-- Records one event. The inbox row and the unique event id make a repeat affect nothing.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    id uuid, topic text, event_id uuid, tenant_id uuid, user_id uuid, action text, entity_type text, entity_id uuid,
    before jsonb, after jsonb, correlation_id text, sequence bigint, occurred_at timestamptz, recorded_at timestamptz)
), fresh as (
  insert into processed_events (event_id, topic) select event_id, topic from input on conflict do nothing returning 1
)
insert into audit_logs (id, event_id, tenant_id, user_id, action, entity_type, entity_id, before, after, correlation_id, sequence, occurred_at, recorded_at)
select id, event_id, tenant_id, user_id, action, entity_type, entity_id, before, after, correlation_id, sequence, occurred_at, recorded_at
from input where exists (select from fresh)
on conflict on constraint audit_logs_once do nothing
