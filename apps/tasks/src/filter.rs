//! Query string to a typed filter, order and page: what `GET /tasks` takes.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use contracts::task::{Priority, Status};
use serde::Serialize;
use serde_json::Value;
use service::fields::{self, Fields, Ruled};
use service::{Caller, Problem};
use uuid::Uuid;

use crate::task;

const ORDERS: [&str; 8] =
    ["priority_asc", "priority_desc", "due_date_asc", "due_date_desc", "created_asc", "created_desc", "title_asc", "title_desc"];
const MAX_SEARCH: usize = 200;

/// What a list asks for, as the statement reads it. Absent members do not filter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Filter {
    /// Whose tasks.
    pub user_id: Uuid,
    /// Any of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<Status>>,
    /// Any of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Vec<Priority>>,
    /// Bearing these, lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// How many of the tags a task must bear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags_wanted: Option<usize>,
    /// Words, as `to_tsquery` reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Due at or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_from: Option<DateTime<Utc>>,
    /// Due before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_until: Option<DateTime<Utc>>,
    /// Keys in turn, such as `priority_desc`; empty for the best match or the newest first.
    pub sort: Vec<String>,
    /// Items a page holds.
    pub limit: i64,
    /// Items before the page.
    pub offset: i64,
}

impl Filter {
    /// Reads a query string.
    ///
    /// # Errors
    /// A problem that names every parameter that breaks a rule.
    pub fn of(query: Option<&str>, caller: &Caller) -> Result<Self, Problem> {
        let mut fields = Fields::of_query(query);
        let zone = caller.zoneinfo.parse().unwrap_or(chrono_tz::UTC);
        let status = fields.optional("status", task::statuses);
        let priority = fields.optional("priority", task::priorities);
        let tags = fields.optional("tags", names);
        let any =
            fields.optional("tags_match", |value| fields::one_of::<String>(value, &[]).and_then(match_kind)).unwrap_or(false);
        let search = fields.optional("search", |value| fields::text(value, 0, MAX_SEARCH)).map(|text| words(&text));
        let due_from = fields.optional("due_date_start", |value| start_of(value, zone));
        let due_until = fields.optional("due_date_end", |value| end_of(value, zone));
        if let (Some(from), Some(until)) = (due_from, due_until)
            && from >= until
        {
            fields.refuse("due_date_end", "must not be before due_date_start");
        }
        let sort = fields.optional("sort", orders).unwrap_or_default();
        let (limit, offset) = fields::page(&mut fields);
        fields.finish()?;
        let tags_wanted = tags.as_ref().map(|tags| if any { 1 } else { tags.len() });
        let search = search.filter(|search| !search.is_empty());
        Ok(Self {
            user_id: caller.user_id,
            status,
            priority,
            tags,
            tags_wanted,
            search,
            due_from,
            due_until,
            sort,
            limit,
            offset,
        })
    }
}

fn match_kind(text: String) -> Ruled<bool> {
    match text.as_str() {
        "all" => Ok(false),
        "any" => Ok(true),
        _ => Err("must be one of all, any".into()),
    }
}

fn names(value: &Value) -> Ruled<Vec<String>> {
    let text = fields::text(value, 0, 2000)?;
    let mut names: Vec<String> = text.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn orders(value: &Value) -> Ruled<Vec<String>> {
    let keys: Vec<String> = fields::several_of(value, &[]).and_then(|keys: Vec<String>| {
        let unknown = keys.iter().find(|key| !ORDERS.contains(&key.as_str()));
        unknown.map_or(Ok(keys.clone()), |_| Err(format!("must be one or more of {}", ORDERS.join(", "))))
    })?;
    let mut fields_sorted: Vec<&str> = keys.iter().filter_map(|key| key.rsplit_once('_').map(|(field, _)| field)).collect();
    fields_sorted.sort_unstable();
    let count = fields_sorted.len();
    fields_sorted.dedup();
    if fields_sorted.len() == count { Ok(keys) } else { Err("must not sort by the same field twice".into()) }
}

/// Search text to a tsquery that cannot fail: words must all match, the last also as a prefix, quotes make a phrase, a leading minus excludes.
/// Everything but letters and digits separates words, so no operator survives.
fn words(text: &str) -> String {
    let mut terms = Vec::new();
    for (index, part) in text.split('"').enumerate() {
        if index % 2 == 1 {
            let phrase = lexemes(part).join(" <-> ");
            if !phrase.is_empty() {
                terms.push(format!("({phrase})"));
            }
            continue;
        }
        for word in part.split_whitespace() {
            let found = lexemes(word);
            if found.is_empty() {
                continue;
            }
            let joined = found.join(" & ");
            terms.push(if word.starts_with('-') { format!("!({joined})") } else { joined });
        }
    }
    if let Some(last) = terms.last_mut().filter(|last| !last.ends_with(')') && !text.trim_end().ends_with('"')) {
        last.push_str(":*");
    }
    terms.join(" & ")
}

fn lexemes(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("'{word}'"))
        .collect()
}

/// An instant, or the first moment of a day in the owner's zone.
fn start_of(value: &Value, zone: chrono_tz::Tz) -> Ruled<DateTime<Utc>> {
    fields::instant(value).or_else(|_| bound(value).map(|date| midnight(date, zone)))
}

/// The moment after an instant or after a day in the owner's zone: bounds are inclusive.
fn end_of(value: &Value, zone: chrono_tz::Tz) -> Ruled<DateTime<Utc>> {
    let after = |at: DateTime<Utc>| at + chrono::TimeDelta::microseconds(1);
    fields::instant(value).map(after).or_else(|_| bound(value).map(|date| midnight(date + Days::new(1), zone)))
}

fn bound(value: &Value) -> Ruled<NaiveDate> {
    fields::date(value).map_err(|_| "must be a date such as 2026-03-01, or an RFC 3339 time with an offset".into())
}

/// The first moment of a day; where midnight does not exist, an hour later.
fn midnight(date: NaiveDate, zone: chrono_tz::Tz) -> DateTime<Utc> {
    let local = date.and_time(NaiveTime::MIN);
    let first = zone.from_local_datetime(&local).earliest();
    first
        .or_else(|| zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest())
        .map_or_else(|| local.and_utc(), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operator_of_the_query_language_survives() {
        assert_eq!(words("weekly presen"), "'weekly' & 'presen':*");
        assert_eq!(words("\"annual report\" draft"), "('annual' <-> 'report') & 'draft':*");
        assert_eq!(words("report -draft"), "'report' & !('draft')");
        assert_eq!(words("a & | ! ( ) <-> ' \\ :*"), "'a':*");
        assert_eq!(words("'; drop table tasks; --"), "'drop' & 'table' & 'tasks':*");
        assert_eq!(words("\"\" - \" "), "");
    }

    #[test]
    fn the_same_field_twice_is_refused_and_unknown_orders_list_the_known() {
        let text = |text: &str| orders(&Value::String(text.into()));
        assert_eq!(text("priority_desc,due_date_asc").unwrap(), ["priority_desc", "due_date_asc"]);
        assert!(text("priority_desc,priority_asc").unwrap_err().contains("twice"));
        assert!(text("colour").unwrap_err().contains("title_asc"));
    }

    #[test]
    fn a_bare_date_is_the_whole_day_in_the_owners_zone() {
        let day = Value::String("2026-03-01".into());
        let zone = chrono_tz::America::New_York;
        assert_eq!(start_of(&day, zone).unwrap().to_rfc3339(), "2026-03-01T05:00:00+00:00");
        assert_eq!(end_of(&day, zone).unwrap().to_rfc3339(), "2026-03-02T05:00:00+00:00");
    }
}
