-- Removes sessions that have ended, families of refresh tokens whose last member has (a revoked member keeps its family dead), and invitations
-- that ended a month ago: until then they tell who let whom in.
with input as (select * from jsonb_to_record($1::jsonb) as i(now timestamptz)),
closed as (
  delete from sessions s using input i where s.expires_at <= i.now
  returning 1),
ended as (
  delete from refresh_tokens t using input i
  where t.expires_at <= i.now
    and not exists (select from refresh_tokens f where f.family_id = t.family_id and f.expires_at > i.now)
  returning 1),
forgotten as (
  delete from invitations n using input i where n.expires_at <= i.now - interval '30 days'
  returning 1)
select * from closed union all select * from ended union all select * from forgotten
