-- One page of dead letters without their originals, newest first, and how many there are in all.
with input as (
  select * from jsonb_to_record($1::jsonb) as i(state text, topic text, app text, page_size bigint, page_start bigint)
), matching as (
  select d.* from dead_letters d, input i
  where (i.state is null or d.state = i.state)
    and (i.topic is null or d.topic = i.topic)
    and (i.app is null or d.app = i.app)
), page as (
  select * from matching order by received_at desc, id desc
  limit (select page_size from input) offset (select page_start from input)
)
select jsonb_build_object(
  'total', (select count(*) from matching),
  'items', coalesce((select jsonb_agg(to_jsonb(p) - 'original' order by p.received_at desc, p.id desc) from page p), '[]'))::text
