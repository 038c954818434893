-- Notes which version's job stands now, unless another instance noted something else meanwhile.
update reminders r
set job = i.wanted, job_until = null
from jsonb_to_record($1::jsonb) as i(id uuid, stands bigint, wanted bigint)
where r.id = i.id and r.job is not distinct from i.stands
