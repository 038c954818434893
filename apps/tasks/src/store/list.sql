-- One page of an owner's tasks. A filter that is not asked for is a constant and drops out of the plan (plan_cache_mode is force_custom_plan).
with filtered as not materialized (
  select t.*
  from tasks t
  where t.user_id = ($1::jsonb ->> 'user_id')::uuid
    and t.deleted_at is null
    and ($1::jsonb -> 'status' is null or t.status = any (array(select jsonb_array_elements_text($1::jsonb -> 'status'))))
    and ($1::jsonb -> 'priority' is null or t.priority = any (array(select jsonb_array_elements_text($1::jsonb -> 'priority'))))
    and ($1::jsonb ->> 'due_from' is null or t.due_at >= ($1::jsonb ->> 'due_from')::timestamptz)
    and ($1::jsonb ->> 'due_until' is null or t.due_at < ($1::jsonb ->> 'due_until')::timestamptz)
    and ($1::jsonb ->> 'search' is null or t.search_vector @@ to_tsquery('english', $1::jsonb ->> 'search'))
    and ($1::jsonb -> 'tags' is null or (
      select count(*) from task_tags l join tags g on g.id = l.tag_id
      where l.task_id = t.id and lower(g.name) = any (array(select jsonb_array_elements_text($1::jsonb -> 'tags')))) >= ($1::jsonb ->> 'tags_wanted')::integer)
), ranked as (
  select t.*, array_position(array['low', 'medium', 'high'], t.priority) as rank
  from filtered t
), ordered as (
  select r.*, row_number() over (order by
    case $1::jsonb #>> '{sort,0}' when 'priority_asc' then rank when 'priority_desc' then -rank end,
    case $1::jsonb #>> '{sort,0}' when 'due_date_asc' then extract(epoch from due_at) when 'due_date_desc' then -extract(epoch from due_at) end nulls last,
    case $1::jsonb #>> '{sort,0}' when 'created_asc' then extract(epoch from created_at) when 'created_desc' then -extract(epoch from created_at) end,
    case $1::jsonb #>> '{sort,0}' when 'title_asc' then lower(title) end,
    case $1::jsonb #>> '{sort,0}' when 'title_desc' then lower(title) end desc,
    case $1::jsonb #>> '{sort,1}' when 'priority_asc' then rank when 'priority_desc' then -rank end,
    case $1::jsonb #>> '{sort,1}' when 'due_date_asc' then extract(epoch from due_at) when 'due_date_desc' then -extract(epoch from due_at) end nulls last,
    case $1::jsonb #>> '{sort,1}' when 'created_asc' then extract(epoch from created_at) when 'created_desc' then -extract(epoch from created_at) end,
    case $1::jsonb #>> '{sort,1}' when 'title_asc' then lower(title) end,
    case $1::jsonb #>> '{sort,1}' when 'title_desc' then lower(title) end desc,
    case when $1::jsonb ->> 'search' is not null and $1::jsonb #>> '{sort,0}' is null
      then ts_rank(search_vector, to_tsquery('english', $1::jsonb ->> 'search')) end desc,
    created_at desc, id desc) as position
  from ranked r
), page as (
  select id, position from ordered order by position limit ($1::jsonb ->> 'limit')::bigint offset ($1::jsonb ->> 'offset')::bigint
), total as (
  select count(*) as n from filtered
)
select jsonb_build_object(
  'items', coalesce((select jsonb_agg(task_json(t) order by page.position) from page join tasks t on t.id = page.id), '[]'),
  'total', total.n,
  'limit', ($1::jsonb ->> 'limit')::bigint,
  'offset', ($1::jsonb ->> 'offset')::bigint,
  'has_more', total.n > ($1::jsonb ->> 'limit')::bigint + ($1::jsonb ->> 'offset')::bigint)::text
from total
