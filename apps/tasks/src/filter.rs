//! Query string to a typed filter, order and page: what `GET /tasks` takes.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use contracts::task::{Priority, Status};
use serde::Serialize;
use serde_json::Value;
use service::fields::{self, Fields, Ruled};
use service::{Caller, Problem};
use uuid::Uuid;

use crate::store::list::KEYS;
use crate::task;

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
    /// Bearing these, in any letter case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// How many of the tags a task must bear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags_wanted: Option<usize>,
    /// Terms that must all match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Vec<Term>>,
    /// Due at or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_from: Option<DateTime<Utc>>,
    /// Due before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_until: Option<DateTime<Utc>>,
    /// Keys in turn, such as `priority_desc`; empty for the best match or the newest first. They are part of the statement.
    #[serde(skip)]
    pub sort: Vec<String>,
    /// Items a page holds.
    pub limit: i64,
    /// Items before the page.
    pub offset: i64,
}

/// A term of a search. What of its text is a word is the database's to say, as it is of the texts that are searched.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// As it was written.
    pub text: String,
    /// Whether it stood in quotes.
    pub phrase: bool,
    /// Whether a minus stood before it.
    pub excluded: bool,
    /// Whether it may still be typed: then it is also the beginning of a word.
    pub last: bool,
}

impl Filter {
    /// Reads a query string.
    ///
    /// # Errors
    /// A problem that names every parameter that breaks a rule.
    pub fn of(query: Option<&str>, caller: &Caller) -> Result<Self, Problem> {
        let mut fields = Fields::of_query(query);
        let zone = caller.zoneinfo.parse().unwrap_or(chrono_tz::UTC);
        let status = given(&mut fields, "status", task::statuses).filter(|status| !status.is_empty());
        let priority = given(&mut fields, "priority", task::priorities).filter(|priority| !priority.is_empty());
        let tags = given(&mut fields, "tags", names).filter(|tags| !tags.is_empty());
        let any = given(&mut fields, "tags_match", match_kind).unwrap_or(false);
        let search = given(&mut fields, "search", |value| fields::text(value, 0, MAX_SEARCH)).map(|text| terms(&text));
        let due_from = given(&mut fields, "due_date_start", |value| start_of(value, zone));
        let due_until = given(&mut fields, "due_date_end", |value| end_of(value, zone));
        if let (Some(from), Some(until)) = (due_from, due_until)
            && from >= until
        {
            fields.refuse("due_date_end", "must not be before due_date_start");
        }
        let sort = given(&mut fields, "sort", orders).unwrap_or_default();
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

/// A parameter that was sent with something in it: a form sends its empty fields too.
fn given<T>(fields: &mut Fields, name: &str, rule: impl FnOnce(&Value) -> Ruled<T>) -> Option<T> {
    let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    fields.optional(name, |value| if blank(value) { Ok(None) } else { rule(value).map(Some) }).flatten()
}

fn match_kind(value: &Value) -> Ruled<bool> {
    match value.as_str() {
        Some("all") => Ok(false),
        Some("any") => Ok(true),
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
    let keys: Vec<String> = fields::several_of(value, &[])?;
    if keys.iter().any(|key| !KEYS.iter().any(|(known, ..)| known == key)) {
        return Err(format!("must be one or more of {}", KEYS.map(|(name, ..)| name).join(", ")));
    }
    let mut fields_sorted: Vec<&str> = keys.iter().filter_map(|key| key.rsplit_once('_').map(|(field, _)| field)).collect();
    fields_sorted.sort_unstable();
    let count = fields_sorted.len();
    fields_sorted.dedup();
    if fields_sorted.len() == count { Ok(keys) } else { Err("must not sort by the same field twice".into()) }
}

/// The terms of a search: words, and what quotes hold together; a minus before one excludes it. What has neither letter nor digit is none.
/// Whoever is still typing has not closed their quotes.
fn terms(text: &str) -> Vec<Term> {
    let parts: Vec<&str> = text.split('"').collect();
    let (mut terms, mut excluded) = (Vec::new(), false);
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        if index % 2 == 1 {
            terms.push(Term { text: (*part).to_owned(), phrase: true, excluded, last });
            continue;
        }
        for word in part.split(|between: char| between.is_whitespace() || between == ',' || between == ';') {
            let bare = word.trim_start_matches('-');
            terms.push(Term { text: bare.to_owned(), phrase: false, excluded: bare.len() < word.len(), last });
        }
        // A minus right before the quotes.
        excluded =
            part.split_whitespace().last().is_some_and(|word| part.ends_with(word) && word.trim_start_matches('-').is_empty());
    }
    terms.retain(|term| term.text.chars().any(char::is_alphanumeric));
    let count = terms.len();
    for (index, term) in terms.iter_mut().enumerate() {
        term.last = term.last && index + 1 == count && !term.excluded;
    }
    terms
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

    /// A term as it is written here: in quotes, after a minus, with a star where it may be typed on.
    fn written(text: &str) -> Vec<String> {
        let shown = |term: &Term| {
            let quote = if term.phrase { "\"" } else { "" };
            format!("{}{quote}{}{quote}{}", if term.excluded { "-" } else { "" }, term.text, if term.last { "*" } else { "" })
        };
        terms(text).iter().map(shown).collect()
    }

    #[test]
    fn a_search_is_terms_that_are_held_together_excluded_or_still_being_typed() {
        assert_eq!(written("weekly presen"), ["weekly", "presen*"]);
        assert_eq!(written("\"annual report\" draft"), ["\"annual report\"", "draft*"]);
        assert_eq!(written("draft \"annual report\""), ["draft", "\"annual report\""]);
        assert_eq!(written("\"annual rep"), ["\"annual rep\"*"]);
        assert_eq!(written("report -draft --old"), ["report", "-draft", "-old"]);
        assert_eq!(written("-\"annual report\" x"), ["-\"annual report\"", "x*"]);
        assert_eq!(written("e-mail - \"b c\""), ["e-mail", "\"b c\""]);
        assert_eq!(written("milk,bread;eggs"), ["milk", "bread", "eggs*"]);
        assert_eq!(written("a & | ! ( ) <-> ' \\ :*"), ["a*"]);
        assert_eq!(written("\"\" - \" "), Vec::<String>::new());
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
