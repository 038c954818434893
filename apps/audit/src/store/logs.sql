-- One page of the log, newest first, and how many rows there are in all.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(
    user_id uuid, entity_type text, entity_id uuid, action text, correlation_id text, start_at timestamptz, end_at timestamptz, page_size bigint, page_start bigint)
), matching as (
  select a.* from audit_logs a, input i
  where (i.user_id is null or a.user_id = i.user_id)
    and (i.entity_type is null or a.entity_type = i.entity_type)
    and (i.entity_id is null or a.entity_id = i.entity_id)
    and (i.action is null or a.action = i.action)
    and (i.correlation_id is null or a.correlation_id = i.correlation_id)
    and (i.start_at is null or a.occurred_at >= i.start_at)
    and (i.end_at is null or a.occurred_at < i.end_at)
), page as (
  select * from matching order by occurred_at desc, sequence desc, id desc
  limit (select page_size from input) offset (select page_start from input)
)
select jsonb_build_object(
  'total', (select count(*) from matching),
  'items', coalesce((select jsonb_agg(to_jsonb(p) order by p.occurred_at desc, p.sequence desc, p.id desc) from page p), '[]'))::text
