-- Removes one batch of rows that are past their time. Two instances take different batches.
delete from audit_logs where id in (
  select a.id from audit_logs a, jsonb_to_record($1::jsonb) as i(before timestamptz, batch bigint)
  where a.occurred_at < i.before order by a.occurred_at limit (($1::jsonb ->> 'batch')::bigint) for update of a skip locked)
