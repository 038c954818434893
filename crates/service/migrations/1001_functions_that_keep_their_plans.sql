-- up
-- As functions of SQL they were planned at every call, which took half of the time of a create. The role's force_custom_plan is for
-- filters; these have none.
create or replace function enqueue(events jsonb) returns integer language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare written integer;
begin
  insert into outbox_events (id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent)
  select id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent
  from jsonb_to_recordset(events) as e(
    id uuid, topic text, key text, aggregate_type text, aggregate_id uuid, aggregate_version bigint, event_type text, payload jsonb, traceparent text);
  get diagnostics written = row_count;
  return written;
end
$$;

create or replace function remember_answer(answer jsonb) returns void language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
  -- Most requests come without a key.
  if jsonb_typeof(answer) = 'object' then
    delete from idempotency_keys k
    where k.user_id = (answer ->> 'user_id')::uuid and k.key = answer ->> 'key' and k.created_at < now() - interval '24 hours';
    insert into idempotency_keys (user_id, key, request_hash, status, body)
    values ((answer ->> 'user_id')::uuid, answer ->> 'key', answer ->> 'request_hash', (answer ->> 'status')::integer, answer -> 'body');
  end if;
end
$$;

-- down
create or replace function enqueue(events jsonb) returns integer language sql volatile as $$
  with written as (
    insert into outbox_events (id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent)
    select id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent
    from jsonb_to_recordset(events) as e(
      id uuid, topic text, key text, aggregate_type text, aggregate_id uuid, aggregate_version bigint, event_type text, payload jsonb, traceparent text)
    returning 1)
  select count(*)::integer from written
$$;
alter function enqueue(jsonb) reset all;

create or replace function remember_answer(answer jsonb) returns void language sql volatile as $$
  delete from idempotency_keys k
  where k.user_id = (answer ->> 'user_id')::uuid and k.key = answer ->> 'key' and k.created_at < now() - interval '24 hours';
  insert into idempotency_keys (user_id, key, request_hash, status, body)
  select (answer ->> 'user_id')::uuid, answer ->> 'key', answer ->> 'request_hash', (answer ->> 'status')::integer, answer -> 'body'
  where jsonb_typeof(answer) = 'object';
$$;
alter function remember_answer(jsonb) reset all;
