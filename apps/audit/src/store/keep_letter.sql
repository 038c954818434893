-- Keeps a dead letter. The same letter again changes nothing; a later one for what was replayed opens it again.
insert into dead_letters (id, tenant_id, user_id, event_id, topic, app, event_type, reason, attempts, failed_at, original, received_at)
select id, tenant_id, user_id, event_id, topic, app, event_type, reason, attempts, failed_at, original, received_at
from jsonb_to_record($1::jsonb) as i(
  id uuid, tenant_id uuid, user_id uuid, event_id text, topic text, app text, event_type text, reason text, attempts integer, failed_at timestamptz,
  original jsonb, received_at timestamptz)
on conflict (event_id, topic, (coalesce(app, ''))) do update
set state = 'open', reason = excluded.reason, attempts = excluded.attempts, failed_at = excluded.failed_at, original = excluded.original,
    received_at = excluded.received_at, settled_at = null, settled_by = null
where dead_letters.state = 'replayed' and excluded.failed_at > dead_letters.settled_at
