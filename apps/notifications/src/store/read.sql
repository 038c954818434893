-- A person has read it; the first time counts.
update notifications n
set read_at = coalesce(n.read_at, input.now), updated_at = case when n.read_at is null then input.now else n.updated_at end
from jsonb_to_record($1::jsonb) as input(user_id uuid, id uuid, now timestamptz)
where n.id = input.id and n.user_id = input.user_id and n.channel = 'in_app'
