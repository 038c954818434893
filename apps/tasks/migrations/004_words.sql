-- up
-- Words are found and names compared the same way on every server, whatever language and letters its database was made for: by functions that
-- say their own rules. No extension is needed (unaccent and btree_gin are not to be had everywhere), only PostgreSQL's own ICU.

-- A name whose letter case does not matter.
create function fold(text) returns text language sql immutable strict parallel safe
return lower($1 collate "und-x-icu");

-- A text as it is searched: small letters without accents, and a space for all that is neither letter nor digit. PostgreSQL's parser would
-- take an address, a path or a date for one word, of which nobody finds a part.
create function plain(text) returns text language sql immutable strict parallel safe
return regexp_replace(
  replace(replace(replace(
    translate(regexp_replace(fold(normalize($1, NFKD)), '[\u0300-\u036f]+', '', 'g'), 'øłđħıŧ', 'oldhit'),
    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
  '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u2000-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3030\ufe00-\ufe0f\ufe30-\ufe6f\U0001f000-\U0001faff]+',
  ' ', 'g');

-- What a task is found by: the stems of its words and the words themselves (while one is being typed it is no stem yet), those of the title
-- above those of the description. Its owner is a word too, one that no text holds: so the index finds one owner's words among all owners'.
-- It also stands between the parts, so that no phrase reaches from one into the next.
create function searchable(owner uuid, title text, description text) returns tsvector language sql immutable parallel safe
return (
  select setweight(to_tsvector('english', w.title), 'A') || w.gap || setweight(to_tsvector('simple', w.title), 'A') || w.gap
    || setweight(to_tsvector('english', w.description), 'B') || w.gap || setweight(to_tsvector('simple', w.description), 'B')
  from (
    select plain(title) as title, plain(coalesce(description, '')) as description, ('''=' || owner::text || ''':9')::tsvector as gap offset 0) w);

-- What the terms of a search ask for. Each must match: by its stems, in order where it has several; the last one also as the beginning of a
-- word; one that is excluded must not. A term of nothing but stop words counts where it is a phrase, excluded or the last.
create function sought(terms jsonb) returns tsquery language sql immutable parallel safe
return (
  select coalesce(string_agg(case when term.excluded then '!(' else '(' end || term.said || ')', ' & '), '')::tsquery
  from (
    select t.excluded, case
      when t.last then concat_ws(' | ', nullif(t.stems, ''), nullif(t.words, '') || ':*')
      when t.stems = '' and (t.phrase or t.excluded) then t.words
      else t.stems end as said
    from (
      select i.excluded, i.last, i.phrase, phraseto_tsquery('english', plain(i.text))::text as stems,
        phraseto_tsquery('simple', plain(i.text))::text as words
      from jsonb_to_recordset(terms) as i(text text, phrase boolean, excluded boolean, last boolean)) t) term
  where term.said <> '');

-- One owner's words of a search.
create function sought(owner uuid, terms jsonb) returns tsquery language sql immutable parallel safe
return ('''=' || owner::text || '''')::tsquery && sought(terms);

alter table tasks drop column search_vector;
alter table tasks add column search_vector tsvector not null generated always as (searchable(user_id, title, description)) stored;
create index tasks_search on tasks using gin (search_vector);

-- Those without a date come last in both directions.
create index tasks_by_due_latest on tasks (user_id, due_at desc nulls last) where deleted_at is null;

drop index tags_once_per_owner;
create unique index tags_once_per_owner on tags (user_id, fold(name));

create or replace function task_json(t tasks) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', t.id, 'user_id', t.user_id, 'tenant_id', t.tenant_id, 'title', t.title, 'description', t.description,
    'status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'reminder_offset_minutes', t.reminder_offset_minutes,
    'tags', coalesce((
      select jsonb_agg(g.name order by fold(g.name) collate "C") from task_tags l join tags g on g.id = l.tag_id where l.task_id = t.id), '[]'),
    'recurrence_pattern', (
      select jsonb_strip_nulls(jsonb_build_object(
        'pattern_type', p.pattern_type, 'interval', p."interval", 'days_of_week', to_jsonb(p.days_of_week), 'day_of_month', p.day_of_month,
        'end_type', p.end_type, 'end_after_occurrences', p.end_after_occurrences, 'end_by_date', p.end_by_date,
        'anchor_local', p.anchor_local, 'timezone', p.timezone))
      from recurrence_patterns p where p.id = t.recurrence_pattern_id and p.stopped_at is null),
    'series_id', t.series_id, 'occurrence', t.occurrence, 'recurrence_ended', t.recurrence_ended, 'completed_at', t.completed_at,
    'version', t.version, 'created_at', t.created_at, 'updated_at', t.updated_at)
$$;

-- down
create or replace function task_json(t tasks) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'id', t.id, 'user_id', t.user_id, 'tenant_id', t.tenant_id, 'title', t.title, 'description', t.description,
    'status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'reminder_offset_minutes', t.reminder_offset_minutes,
    'tags', coalesce((select jsonb_agg(g.name order by lower(g.name)) from task_tags l join tags g on g.id = l.tag_id where l.task_id = t.id), '[]'),
    'recurrence_pattern', (
      select jsonb_strip_nulls(jsonb_build_object(
        'pattern_type', p.pattern_type, 'interval', p."interval", 'days_of_week', to_jsonb(p.days_of_week), 'day_of_month', p.day_of_month,
        'end_type', p.end_type, 'end_after_occurrences', p.end_after_occurrences, 'end_by_date', p.end_by_date,
        'anchor_local', p.anchor_local, 'timezone', p.timezone))
      from recurrence_patterns p where p.id = t.recurrence_pattern_id and p.stopped_at is null),
    'series_id', t.series_id, 'occurrence', t.occurrence, 'recurrence_ended', t.recurrence_ended, 'completed_at', t.completed_at,
    'version', t.version, 'created_at', t.created_at, 'updated_at', t.updated_at)
$$;
drop index tags_once_per_owner;
create unique index tags_once_per_owner on tags (user_id, lower(name));
drop index tasks_by_due_latest;
alter table tasks drop column search_vector;
alter table tasks add column search_vector tsvector not null generated always as (
  setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'B')) stored;
create index tasks_search on tasks using gin (search_vector);
drop function sought(uuid, jsonb);
drop function sought(jsonb);
drop function searchable(uuid, text, text);
drop function plain(text);
drop function fold(text);
