-- up
-- How one comes into the tenant of another. Of the code in an invitation's link a SHA-256 is kept: whoever reads this table gets nobody in.
create table invitations (
  id         uuid not null,
  tenant_id  uuid not null,
  user_id    uuid not null,  -- who invited
  email      text,           -- whom; null is whoever has the link
  code_hash  text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz,
  used_by    uuid,
  revoked_at timestamptz,
  constraint invitations_pkey primary key (id),
  constraint invitations_code_once unique (code_hash),
  constraint invitations_user foreign key (user_id) references users on delete cascade,
  constraint invitations_email_is_normal check (email = lower(email)),
  constraint invitations_used_by_somebody check ((used_at is null) = (used_by is null)),
  constraint invitations_used_or_revoked check (used_at is null or revoked_at is null)
);
create index invitations_open on invitations (tenant_id, created_at) where used_at is null and revoked_at is null;
create index invitations_by_user on invitations (user_id);
create index invitations_ended on invitations (expires_at);

-- Who shares a tenant is listed now.
create index users_by_tenant on users (tenant_id);

-- down
drop index users_by_tenant;
drop table invitations;
