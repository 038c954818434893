-- Does this version of a reminder still wait for its time?
select (count(*) > 0)::text
from reminders r, jsonb_to_record($1::jsonb) as i(id uuid, version bigint)
where r.id = i.id and r.version = i.version and r.delivery_status = 'scheduled'
