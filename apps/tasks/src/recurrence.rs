//! What a recurrence pattern may be, and where its dates begin. What dates it gives is `calendar`'s business, and who follows whom the
//! recurrence app's.

use chrono::{DateTime, NaiveDate, Utc};
use contracts::task::{DayOfWeek, EndType, PatternType, RecurrencePattern};
use serde_json::Value;
use service::Problem;
use service::fields::{self, Fields, Ruled};

const TYPES: [&str; 4] = ["daily", "weekly", "monthly", "yearly"];
const ENDS: [&str; 3] = ["never", "after_occurrences", "by_date"];
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A pattern. Its broken rules come back as one message, each naming its field.
///
/// # Errors
/// The rules.
pub fn pattern(value: &Value) -> Ruled<RecurrencePattern> {
    let mut fields = Fields::of(value.clone()).map_err(|_| "must be an object".to_owned())?;
    let pattern_type = fields.required("pattern_type", |value| fields::one_of::<PatternType>(value, &TYPES));
    let interval = fields.optional("interval", |value| fields::integer(value, 1, 365)).unwrap_or(1);
    let days_of_week =
        fields.optional("days_of_week", |value| fields::list(value, 7, |day| fields::one_of::<DayOfWeek>(day, &DAYS)));
    let day_of_month = fields.optional("day_of_month", |value| fields::integer(value, 1, 31));
    let end_type = fields.optional("end_type", |value| fields::one_of::<EndType>(value, &ENDS)).unwrap_or(EndType::Never);
    let end_after_occurrences = fields.optional("end_after_occurrences", |value| fields::integer(value, 1, 100_000));
    let end_by_date = fields.optional("end_by_date", fields::date);
    // A client may send back what it read; where the dates begin is not its to say.
    fields.optional("anchor_local", |_| Ok(()));
    fields.optional("timezone", |_| Ok(()));

    check_days(&mut fields, pattern_type, days_of_week.as_deref());
    if day_of_month.is_some() && pattern_type != Some(PatternType::Monthly) {
        fields.refuse("day_of_month", "belongs to monthly only");
    }
    belongs(&mut fields, "end_after_occurrences", end_after_occurrences.is_some(), end_type == EndType::AfterOccurrences);
    belongs(&mut fields, "end_by_date", end_by_date.is_some(), end_type == EndType::ByDate);
    fields.finish().map_err(|problem| {
        let each = problem.errors().iter().map(|error| format!("{} {}", error.field, error.message));
        each.collect::<Vec<_>>().join("; ")
    })?;
    Ok(RecurrencePattern {
        pattern_type: pattern_type.unwrap_or(PatternType::Daily),
        interval: u16::try_from(interval).unwrap_or(1),
        days_of_week,
        day_of_month: day_of_month.and_then(|day| u8::try_from(day).ok()),
        end_type,
        end_after_occurrences: end_after_occurrences.and_then(|count| u32::try_from(count).ok()),
        end_by_date,
        anchor_local: None,
        timezone: None,
    })
}

/// Begins the dates of a new pattern: at the task's due time on its owner's wall clock, or, for a task without, at the end of the first day
/// that fits, which becomes its due time.
///
/// # Errors
/// A problem of field `recurrence_pattern` when it gives no dates.
pub fn begin(
    pattern: &mut RecurrencePattern,
    due_at: &mut Option<DateTime<Utc>>,
    zone: &str,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let zone = zone.parse().unwrap_or(chrono_tz::UTC);
    let anchor = match due_at {
        Some(due_at) => due_at.with_timezone(&zone).naive_local(),
        None => {
            let none = |error: calendar::Error| Problem::field("recurrence_pattern", "gives no dates").caused_by(error);
            calendar::first(pattern, now, zone).map_err(none)?
        }
    };
    *due_at = due_at.or(Some(calendar::instant(anchor, zone)));
    pattern.anchor_local = Some(anchor);
    pattern.timezone = Some(zone.name().to_owned());
    Ok(())
}

/// Whether two patterns say the same, wherever their dates begin.
pub fn says_the_same(one: &RecurrencePattern, other: &RecurrencePattern) -> bool {
    let bare = |pattern: &RecurrencePattern| RecurrencePattern { anchor_local: None, timezone: None, ..pattern.clone() };
    bare(one) == bare(other)
}

fn check_days(fields: &mut Fields, pattern_type: Option<PatternType>, days: Option<&[DayOfWeek]>) {
    match (pattern_type, days) {
        (Some(PatternType::Weekly), None | Some([])) => {
            fields.refuse("days_of_week", "is required for weekly, one or more of MO TU WE TH FR SA SU")
        }
        (Some(PatternType::Weekly), Some(days)) => {
            let mut sorted = days.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            if sorted.len() != days.len() {
                fields.refuse("days_of_week", "must not name a day twice");
            }
        }
        (Some(_), Some(_)) => fields.refuse("days_of_week", "belongs to weekly only"),
        _ => {}
    }
}

fn belongs(fields: &mut Fields, name: &str, is_there: bool, is_wanted: bool) {
    match (is_there, is_wanted) {
        (true, false) => fields.refuse(name, "does not belong to this end_type"),
        (false, true) => fields.refuse(name, "is required by this end_type"),
        _ => {}
    }
}

/// A series must not end before it begins; the date counts in the owner's zone.
pub fn check_end(fields: &mut Fields, pattern: Option<&RecurrencePattern>, due_at: Option<DateTime<Utc>>, zone: &str) {
    let Some(end) = pattern.and_then(|pattern| pattern.end_by_date) else { return };
    if due_at.is_some_and(|due_at| end < local_date(due_at, zone)) {
        fields.refuse("recurrence_pattern", "end_by_date must not be before due_at");
    }
}

/// The calendar date of an instant in a zone; UTC for a zone nobody knows.
pub fn local_date(at: DateTime<Utc>, zone: &str) -> NaiveDate {
    at.with_timezone(&zone.parse().unwrap_or(chrono_tz::UTC)).date_naive()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_takes_its_own_fields() {
        for good in [
            json!({ "pattern_type": "daily" }),
            json!({ "pattern_type": "weekly", "days_of_week": ["MO", "FR"], "interval": 2 }),
            json!({ "pattern_type": "monthly", "day_of_month": 31, "end_type": "after_occurrences", "end_after_occurrences": 3 }),
            json!({ "pattern_type": "yearly", "end_type": "by_date", "end_by_date": "2030-01-01" }),
        ] {
            assert!(pattern(&good).is_ok(), "{good}");
        }
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        for (bad, field) in [
            (json!({ "pattern_type": "hourly" }), "pattern_type"),
            (json!({ "pattern_type": "daily", "interval": 0 }), "interval"),
            (json!({ "pattern_type": "daily", "interval": 366 }), "interval"),
            (json!({ "pattern_type": "weekly" }), "days_of_week"),
            (json!({ "pattern_type": "weekly", "days_of_week": [] }), "days_of_week"),
            (json!({ "pattern_type": "weekly", "days_of_week": ["MO", "MO"] }), "days_of_week"),
            (json!({ "pattern_type": "weekly", "days_of_week": ["XX"] }), "days_of_week"),
            (json!({ "pattern_type": "daily", "days_of_week": ["MO"] }), "days_of_week"),
            (json!({ "pattern_type": "daily", "day_of_month": 3 }), "day_of_month"),
            (json!({ "pattern_type": "daily", "end_type": "after_occurrences" }), "end_after_occurrences"),
            (
                json!({ "pattern_type": "daily", "end_type": "after_occurrences", "end_after_occurrences": 0 }),
                "end_after_occurrences",
            ),
            (json!({ "pattern_type": "daily", "end_type": "never", "end_by_date": "2030-01-01" }), "end_by_date"),
        ] {
            let message = pattern(&bad).unwrap_err();
            assert!(message.contains(field), "{bad}: {message}");
        }
    }

    #[test]
    fn the_end_counts_in_the_owners_zone() {
        let pattern = pattern(&json!({ "pattern_type": "daily", "end_type": "by_date", "end_by_date": "2026-03-01" })).unwrap();
        let late_evening = "2026-03-01T23:30:00Z".parse().unwrap();
        let refused = |zone: &str| {
            let mut fields = Fields::of(json!({})).unwrap();
            check_end(&mut fields, Some(&pattern), Some(late_evening), zone);
            fields.finish().is_err()
        };
        assert!(!refused("UTC"));
        assert!(refused("Europe/Berlin"));
    }
}
