-- Removes one batch of settled letters that are past their time; an open one waits for an operator however long.
delete from dead_letters where id in (
  select d.id from dead_letters d, jsonb_to_record($1::jsonb) as i(before timestamptz)
  where d.state <> 'open' and d.settled_at < i.before limit (($1::jsonb ->> 'batch')::bigint) for update of d skip locked)
