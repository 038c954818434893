-- A person has read everything up to a moment; what came after it stays unread.
update notifications n
set read_at = input.now, updated_at = input.now
from jsonb_to_record($1::jsonb) as input(user_id uuid, until timestamptz, now timestamptz)
where n.user_id = input.user_id and n.channel = 'in_app' and n.read_at is null and n.created_at <= input.until
