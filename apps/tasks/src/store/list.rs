//! The statement of a list, put together from fixed pieces: what is not asked for is not in it, so that a page can follow an index.

use sidecar::Statement;

use crate::filter::Filter;

const NAME: &str = "tasks.list";
const LIST: &str = include_str!("list.sql");

/// Newest first, where nothing else decides. A list that begins with the oldest ends its ties so too.
const TIES: &str = "created_at desc, id desc";
const TIES_OLDEST: &str = "created_at, id";

/// What a page is sorted by: the name of the key, what it compares and which way.
type Key = (&'static str, &'static str, &'static str);

const RANK: &str = "array_position(array['low', 'medium', 'high'], t.priority)";
/// In the order of Unicode's root collation, which is the same on every server and puts é beside e; letter case does not count.
const TITLE: &str = "fold(t.title) collate \"und-x-icu\"";

/// All of them.
pub const KEYS: [Key; 8] = [
    ("priority_asc", RANK, "asc"),
    ("priority_desc", RANK, "desc"),
    ("due_date_asc", "t.due_at", "asc nulls last"),
    ("due_date_desc", "t.due_at", "desc nulls last"),
    ("created_asc", "t.created_at", "asc"),
    ("created_desc", "t.created_at", "desc"),
    ("title_asc", TITLE, "asc"),
    ("title_desc", TITLE, "desc"),
];
/// The order of a search that asks for none.
const BEST: Key = ("", "ts_rank(t.search_vector, sought($1::jsonb -> 'search'))", "desc");

const STATUS: &str = "t.status = any (array(select jsonb_array_elements_text($1::jsonb -> 'status')))";
const PRIORITY: &str = "t.priority = any (array(select jsonb_array_elements_text($1::jsonb -> 'priority')))";
const DUE_FROM: &str = "t.due_at >= ($1::jsonb ->> 'due_from')::timestamptz";
const DUE_UNTIL: &str = "t.due_at < ($1::jsonb ->> 'due_until')::timestamptz";
const SEARCH: &str = "t.search_vector @@ sought(($1::jsonb ->> 'user_id')::uuid, $1::jsonb -> 'search')";
const TAGS: &str = "t.id in (
      select l.task_id from tags g join task_tags l on l.tag_id = g.id
      where g.user_id = ($1::jsonb ->> 'user_id')::uuid and fold(g.name) = any (array(select fold(wanted) from jsonb_array_elements_text($1::jsonb -> 'tags') as t(wanted)))
      group by l.task_id having count(*) >= ($1::jsonb ->> 'tags_wanted')::integer)";

/// The statement that gives the page a filter asks for.
pub fn statement(filter: &Filter) -> Statement {
    let pieces = [
        (filter.status.is_some(), STATUS),
        (filter.priority.is_some(), PRIORITY),
        (filter.due_from.is_some(), DUE_FROM),
        (filter.due_until.is_some(), DUE_UNTIL),
        (filter.search.is_some(), SEARCH),
        (filter.tags.is_some(), TAGS),
    ];
    let filters: String = pieces.iter().filter(|(asked, _)| *asked).map(|(_, piece)| format!("\n    and {piece}")).collect();
    let by_match = filter.search.is_some() && filter.sort.is_empty();
    let named = filter.sort.iter().filter_map(|name| KEYS.iter().find(|(known, ..)| known == name));
    let keys: Vec<&Key> = named.chain(by_match.then_some(&BEST)).collect();
    let columns: String = keys.iter().enumerate().map(|(number, (_, what, _))| format!(", {what} as key_{number}")).collect();
    let order: String = keys.iter().enumerate().map(|(number, (.., way))| format!("key_{number} {way}, ")).collect();
    let mut text = LIST.replace("/*keys*/", &columns).replace("/*filters*/", &filters).replace("/*order*/", &order);
    if keys.iter().any(|(name, ..)| *name == "created_asc") {
        text = text.replace(TIES, TIES_OLDEST);
    }
    if filter.search.is_some() {
        text = text.replace("as not materialized", "as materialized");
    }
    Statement::composed(NAME, text)
}
