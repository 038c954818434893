-- up
-- The feed that a person's calendar program reads: one a person, known by the hash of its key alone, so that whoever reads this table reads no feed.
create table feeds (
  user_id    uuid primary key,
  tenant_id  uuid not null,
  key_hash   text not null constraint feeds_by_key unique,  -- SHA-256, base64url
  created_at timestamptz not null
);

-- down
drop table feeds;
