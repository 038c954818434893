-- An owner's tags whose name contains the text, those that begin with it first, then the most used, then by name.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(user_id uuid, search text, "limit" bigint)
), found as (
  select g.id, g.name, strpos(fold(g.name), fold(input.search)) as at,
         (select count(*) from task_tags l join tasks t on t.id = l.task_id where l.tag_id = g.id and t.deleted_at is null) as usage_count
  from tags g, input
  where g.user_id = input.user_id and (input.search = '' or strpos(fold(g.name), fold(input.search)) > 0)
), page as (
  select * from found order by (at > 1), usage_count desc, fold(name) collate "und-x-icu", id limit (select "limit" from input)
)
select coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name, 'usage_count', usage_count) order by (at > 1), usage_count desc, fold(name) collate "und-x-icu", id), '[]')::text
from page
