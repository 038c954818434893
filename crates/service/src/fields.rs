//! Reads the fields of a body or query string and collects every broken rule, so that one answer names them all.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::problem::{FieldError, Problem};

/// Years that every calendar library and the database agree on, also of the day before and the day after.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9998;

/// What a rule says of a value: the value it stands for, or the rule that it breaks.
pub type Ruled<T> = Result<T, String>;

/// A field of a partial change.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// Not sent: stays as it is.
    #[default]
    Keep,
    /// Sent as `null`: cleared.
    Clear,
    /// Sent with a value.
    Set(T),
}

/// The fields that are still to be read, and what was wrong with those that were.
#[derive(Debug)]
pub struct Fields {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of a JSON body.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn of(body: Value) -> Result<Self, Problem> {
        match body {
            Value::Object(values) => Ok(Self { values, errors: Vec::new() }),
            other => Err(Problem::field("body", format!("must be a JSON object, not {}", kind_of(&other)))),
        }
    }

    /// The fields of a query string; a name that comes twice keeps both values, joined by commas.
    pub fn of_query(query: Option<&str>) -> Self {
        let mut values = Map::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let joined = match values.get(&*name).and_then(Value::as_str) {
                Some(earlier) => format!("{earlier},{value}"),
                None => value.into_owned(),
            };
            values.insert(name.into_owned(), Value::String(joined));
        }
        Self { values, errors: Vec::new() }
    }

    /// Whether no field was sent.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A field that must be there.
    pub fn required<T>(&mut self, name: &str, rule: impl FnOnce(&Value) -> Ruled<T>) -> Option<T> {
        match self.values.remove(name) {
            None | Some(Value::Null) => {
                self.refuse(name, "is required");
                None
            }
            Some(value) => self.ruled(name, rule(&value)),
        }
    }

    /// A field that may be absent or `null`.
    pub fn optional<T>(&mut self, name: &str, rule: impl FnOnce(&Value) -> Ruled<T>) -> Option<T> {
        match self.values.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.ruled(name, rule(&value)),
        }
    }

    /// A field of a partial change that can be cleared.
    pub fn change<T>(&mut self, name: &str, rule: impl FnOnce(&Value) -> Ruled<T>) -> Change<T> {
        match self.values.remove(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(value) => self.ruled(name, rule(&value)).map_or(Change::Keep, Change::Set),
        }
    }

    /// A field of a partial change that cannot be cleared.
    pub fn replace<T>(&mut self, name: &str, rule: impl FnOnce(&Value) -> Ruled<T>) -> Option<T> {
        match self.values.remove(name) {
            None => None,
            Some(Value::Null) => {
                self.refuse(name, "must not be null");
                None
            }
            Some(value) => self.ruled(name, rule(&value)),
        }
    }

    /// Notes a broken rule.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// Ends the reading: what was not asked for is unknown, and any broken rule refuses the request.
    ///
    /// # Errors
    /// A problem that names every field.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.values.keys().take(20).cloned().collect();
        for name in unknown {
            self.refuse(&name, "is not a field of this request");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }

    fn ruled<T>(&mut self, name: &str, result: Ruled<T>) -> Option<T> {
        result.map_err(|message| self.refuse(name, message)).ok()
    }
}

/// Text, trimmed, of `least` to `most` characters, without NUL (PostgreSQL cannot keep it).
///
/// # Errors
/// The rule.
pub fn text(value: &Value, least: usize, most: usize) -> Ruled<String> {
    let Some(text) = value.as_str().map(str::trim) else {
        return Err(format!("must be text, not {}", kind_of(value)));
    };
    if text.contains('\0') {
        return Err("must not contain the NUL character".into());
    }
    let length = text.chars().count();
    if length < least || length > most {
        return Err(format!("must have {least} to {most} characters, has {length}"));
    }
    Ok(text.to_owned())
}

/// A whole number of `least` to `most`; digits in a text count too, for query strings.
///
/// # Errors
/// The rule.
pub fn integer(value: &Value, least: i64, most: i64) -> Ruled<i64> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// `true` or `false`; as texts too, for query strings.
///
/// # Errors
/// The rule.
pub fn boolean(value: &Value) -> Ruled<bool> {
    let truth = value.as_bool().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    truth.ok_or_else(|| "must be true or false".into())
}

/// One of a closed list.
///
/// # Errors
/// The rule, with the list.
pub fn one_of<T: DeserializeOwned>(value: &Value, allowed: &[&str]) -> Ruled<T> {
    // Serde would also take {"todo": null} for a word of the list.
    let word = if value.is_string() { value.clone() } else { Value::Null };
    serde_json::from_value(word).map_err(|_| format!("must be one of {}", allowed.join(", ")))
}

/// Several of a closed list, joined by commas, for query strings.
///
/// # Errors
/// The rule, with the list.
pub fn several_of<T: DeserializeOwned>(value: &Value, allowed: &[&str]) -> Ruled<Vec<T>> {
    let texts = value.as_str().unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| one_of(&Value::String(text.to_owned()), allowed)).collect()
}

/// A point in time, RFC 3339 with an offset.
///
/// # Errors
/// The rule.
pub fn instant(value: &Value) -> Ruled<DateTime<Utc>> {
    let parsed = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.with_timezone(&Utc));
    let to_micros = parsed.and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()));
    to_micros
        .filter(|at| YEARS.contains(&at.year()))
        .ok_or_else(|| "must be an RFC 3339 time with an offset, such as 2026-03-01T14:00:00+01:00".into())
}

/// A calendar date.
///
/// # Errors
/// The rule.
pub fn date(value: &Value) -> Ruled<NaiveDate> {
    let parsed = value.as_str().and_then(|text| text.parse::<NaiveDate>().ok());
    parsed.filter(|date| YEARS.contains(&date.year())).ok_or_else(|| "must be a date such as 2026-03-01".into())
}

/// A UUID.
///
/// # Errors
/// The rule.
pub fn uuid(value: &Value) -> Ruled<Uuid> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| "must be a UUID".into())
}

/// A list of at most `most` items, each by `rule`.
///
/// # Errors
/// The first broken rule.
pub fn list<T>(value: &Value, most: usize, rule: impl Fn(&Value) -> Ruled<T>) -> Ruled<Vec<T>> {
    match value.as_array() {
        None => Err(format!("must be a list, not {}", kind_of(value))),
        Some(items) if items.len() > most => Err(format!("must have at most {most} entries, has {}", items.len())),
        Some(items) => items.iter().map(rule).collect(),
    }
}

/// Page size and start, with the suite's defaults and bounds.
pub fn page(fields: &mut Fields) -> (i64, i64) {
    use contracts::page::{DEFAULT_LIMIT, MAX_LIMIT};
    let limit = fields.optional("limit", |value| integer(value, 1, MAX_LIMIT)).unwrap_or(DEFAULT_LIMIT);
    let offset = fields.optional("offset", |value| integer(value, 0, 1_000_000)).unwrap_or(0);
    (limit, offset)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_broken_rule_is_named_in_one_answer() {
        let mut fields = Fields::of(json!({ "title": "", "priority": 7, "colour": "red" })).unwrap();
        fields.required("title", |value| text(value, 1, 200));
        fields.optional("priority", |value| one_of::<contracts::task::Priority>(value, &["high", "medium", "low"]));
        fields.required("owner", uuid);
        let problem = fields.finish().unwrap_err();
        let named: Vec<&str> = problem.errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, ["title", "priority", "owner", "colour"]);
        assert_eq!(problem.errors()[1].message, "must be one of high, medium, low");
    }

    #[test]
    fn a_change_tells_absent_from_null() {
        let mut fields = Fields::of(json!({ "due_at": null, "title": "x" })).unwrap();
        assert_eq!(fields.change("due_at", instant), Change::Clear);
        assert_eq!(fields.change("description", |value| text(value, 0, 9)), Change::Keep);
        assert_eq!(fields.change("title", |value| text(value, 1, 9)), Change::Set("x".into()));
    }

    #[test]
    fn a_query_string_is_decoded_and_repeated_names_join() {
        let mut fields = Fields::of_query(Some("tags=a&tags=b%20c&search=x+y&limit=5"));
        assert_eq!(fields.optional("tags", |value| text(value, 0, 99)), Some("a,b c".into()));
        assert_eq!(fields.optional("search", |value| text(value, 0, 99)), Some("x y".into()));
        assert_eq!(page(&mut fields), (5, 0));
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn only_a_word_is_one_of_a_list() {
        let priority = |value: Value| one_of::<contracts::task::Priority>(&value, &["high", "medium", "low"]);
        assert!(priority(json!("high")).is_ok());
        for value in [json!({ "high": null }), json!(null), json!(["high"])] {
            assert!(priority(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn dates_are_of_years_that_the_database_knows() {
        assert!(date(&json!("1970-01-01")).is_ok() && date(&json!("9998-12-31")).is_ok());
        for text in ["-0001-01-01", "0000-01-01", "9999-01-01", "+10000-01-01", "2031-02-30"] {
            assert!(date(&json!(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn nul_and_lengths_are_refused_with_the_rule() {
        assert!(text(&json!("a\0b"), 1, 9).unwrap_err().contains("NUL"));
        assert_eq!(text(&json!("äöü"), 1, 2).unwrap_err(), "must have 1 to 2 characters, has 3");
        assert!(instant(&json!("2026-03-01T14:00:00")).is_err());
        assert!(instant(&json!("2026-03-01T14:00:00+01:00")).is_ok());
    }
}
