-- up
-- Who is who. Of what people choose an Argon2id hash is kept, of what we made a SHA-256; the things themselves are nowhere.

create table users (
  id                       uuid not null,
  tenant_id                uuid not null,
  email                    text not null,
  display_name             text not null,
  password_hash            text not null,                    -- PHC format: salt and costs are part of it
  phone                    text,
  timezone                 text not null,
  notification_preferences jsonb not null,
  scopes                   text[] not null default '{user}',  -- granted, not chosen: no part of user.changed
  version                  bigint not null default 1,
  created_at               timestamptz not null,
  updated_at               timestamptz not null,
  constraint users_pkey primary key (id),
  constraint users_email_once unique (email),
  constraint users_email_is_normal check (email = lower(email)),
  constraint users_sms_needs_a_phone check (phone is not null or not (notification_preferences ->> 'sms')::boolean)
);

-- What a program signs in with on behalf of a person.
create table clients (
  id          uuid not null,
  tenant_id   uuid not null,
  user_id     uuid not null,
  secret_hash text not null,
  rate        integer,  -- state-changing requests a minute; null is everyone's
  created_at  timestamptz not null,
  constraint clients_pkey primary key (id),
  constraint clients_user foreign key (user_id) references users on delete cascade,
  constraint clients_rate_is_positive check (rate > 0)
);
create index clients_by_user on clients (user_id);

-- A chain of tokens, each the successor of the one before. The chain is dead when any of its tokens is revoked: a successor that is
-- being written while the chain is revoked is then dead too, without a lock between the two.
create table refresh_tokens (
  id         uuid not null,
  tenant_id  uuid not null,
  user_id    uuid not null,
  client_id  uuid not null,
  family_id  uuid not null,
  token_hash text not null,
  scope      text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  rotated_to uuid,
  revoked_at timestamptz,
  constraint refresh_tokens_pkey primary key (id),
  constraint refresh_tokens_token_once unique (token_hash),
  constraint refresh_tokens_client foreign key (client_id) references clients on delete cascade
);
create index refresh_tokens_by_family on refresh_tokens (family_id);
create index refresh_tokens_by_client on refresh_tokens (client_id);
create index refresh_tokens_ended on refresh_tokens (expires_at);

-- A signed-in browser; the page keeps the token in its cookie.
create table sessions (
  id         uuid not null,
  tenant_id  uuid not null,
  user_id    uuid not null,
  token_hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,  -- moves ahead with every use
  constraint sessions_pkey primary key (id),
  constraint sessions_token_once unique (token_hash),
  constraint sessions_user foreign key (user_id) references users on delete cascade
);
create index sessions_by_user on sessions (user_id);
create index sessions_ended on sessions (expires_at);

-- down
drop table sessions;
drop table refresh_tokens;
drop table clients;
drop table users;
