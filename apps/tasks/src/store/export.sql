-- An owner's tasks in the order in which they were made, from one on; where a time is given, without those that were completed before it.
with page as (
  select t.id from tasks t
  where t.user_id = ($1::jsonb ->> 'user_id')::uuid and t.deleted_at is null and t.id > ($1::jsonb ->> 'after')::uuid
    and (t.completed_at is null or t.completed_at >= coalesce(($1::jsonb ->> 'since')::timestamptz, '-infinity'))
  order by t.id limit ($1::jsonb ->> 'limit')::bigint
)
select coalesce(jsonb_agg(task_json(t) order by t.id), '[]')::text from page join tasks t on t.id = page.id
