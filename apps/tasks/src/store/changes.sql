-- What changed of one owner's tasks since a transaction, in the order of the transactions; and what the snapshot of this read has seen: every
-- transaction below `settled` has ended, and none from `ahead` on had begun. Who has no copy yet needs no deleted tasks.
with i as (
  select (d ->> 'user_id')::uuid as user_id, (d ->> 'since')::xid8 as since, (d ->> 'limit')::bigint as limit_to,
         coalesce(d ->> 'after', '0')::xid8 as after, coalesce((d ->> 'after_task')::uuid, '00000000-0000-0000-0000-000000000000') as after_task
  from (select $1::jsonb as d) input
), page as (
  select t.changed_in, t.id, t.deleted_at
  from i join tasks t on t.user_id = i.user_id
  where t.changed_in >= i.since and (t.changed_in, t.id) > (i.after, i.after_task) and (i.since > '0'::xid8 or t.deleted_at is null)
  order by t.changed_in, t.id
  limit (select limit_to from i)
)
select jsonb_build_object(
  'settled', pg_snapshot_xmin(pg_current_snapshot())::text,
  'ahead', pg_snapshot_xmax(pg_current_snapshot())::text,
  'rows', coalesce((
    select jsonb_agg(jsonb_build_object(
      'changed_in', p.changed_in::text, 'id', p.id, 'deleted_at', p.deleted_at,
      'task', case when p.deleted_at is null then task_json(t) end) order by p.changed_in, p.id)
    from page p join tasks t on t.id = p.id), '[]'))::text
