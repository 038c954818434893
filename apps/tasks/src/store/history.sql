-- The series of one task of an owner: the open instance apart, and one page of the others, the latest first, also those that were deleted after
-- they were completed. A task that belongs to no series is its only instance. null when there is no such task.
with i as (
  select * from jsonb_to_record($1::jsonb) as i(id uuid, user_id uuid, "limit" bigint, "offset" bigint)
), asked as (
  select t.id, t.series_id from i join tasks t on t.id = i.id and t.user_id = i.user_id where t.deleted_at is null
), instance as (
  select t.id, t.title, t.occurrence, t.status, t.due_at, t.completed_at, t.deleted_at
  from i, asked join tasks t on t.id = asked.id or t.series_id = asked.series_id
  where t.user_id = i.user_id
), open as (
  select * from instance where status <> 'completed' and deleted_at is null order by occurrence desc nulls last limit 1
), past as (
  select * from instance where id not in (select id from open) and (status = 'completed' or deleted_at is null)
), page as (
  select * from past order by occurrence desc nulls last limit (select "limit" from i) offset (select "offset" from i)
), total as (
  select count(*) as n from past
)
select coalesce((
  select jsonb_build_object(
    'series_id', asked.series_id,
    'open', (select to_jsonb(open) from open),
    'items', coalesce((select jsonb_agg(to_jsonb(page) order by page.occurrence desc nulls last) from page), '[]'),
    'total', total.n, 'limit', i."limit", 'offset', i."offset", 'has_more', total.n > i."limit" + i."offset")
  from i, asked, total), 'null')::text
