-- How many letters wait for an operator.
select to_jsonb(count(*))::text from dead_letters where state = 'open'
