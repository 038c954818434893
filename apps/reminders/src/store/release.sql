-- Gives claimed reminders back, for the next tick.
update reminders set claimed_until = null
where claimed_by = ($1::jsonb ->> 'worker')::uuid
  and delivery_status = 'scheduled'
  and id in (select value::uuid from jsonb_array_elements_text($1::jsonb -> 'ids'))
