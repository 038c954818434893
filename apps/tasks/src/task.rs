//! The noun: what a task may be. No await, no HTTP, no SQL; [`changes`] says what becomes of it.

use chrono::{DateTime, Utc};
use contracts::task::{Priority, Status, Task};
use serde_json::Value;
use service::fields::{self, Fields, Ruled};
use service::{Caller, Problem};
use uuid::Uuid;

use crate::recurrence;

pub mod bulk;
pub mod changes;
pub mod successor;

/// Longest title, in characters.
pub const MAX_TITLE: usize = 200;
/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 10_000;
/// Most tags on one task.
pub const MAX_TAGS: usize = 20;
/// Longest name of a tag, in characters.
pub const MAX_TAG: usize = 50;
/// A year in minutes: the earliest a reminder may come.
pub const MAX_OFFSET: i64 = 525_600;

const STATUSES: [&str; 3] = ["todo", "in_progress", "completed"];
const PRIORITIES: [&str; 3] = ["high", "medium", "low"];

/// A title: 1-200 characters after trimming.
///
/// # Errors
/// The rule.
pub fn title(value: &Value) -> Ruled<String> {
    fields::text(value, 1, MAX_TITLE)
}

/// A description: up to 10,000 characters; an empty one is none.
fn description(value: &Value) -> Ruled<String> {
    fields::text(value, 0, MAX_DESCRIPTION)
}

/// A status.
///
/// # Errors
/// The rule.
pub fn status(value: &Value) -> Ruled<Status> {
    fields::one_of(value, &STATUSES)
}

/// A priority.
///
/// # Errors
/// The rule.
pub fn priority(value: &Value) -> Ruled<Priority> {
    fields::one_of(value, &PRIORITIES)
}

/// Several statuses, joined by commas; `incomplete` stands for the first two.
///
/// # Errors
/// The rule.
pub fn statuses(value: &Value) -> Ruled<Vec<Status>> {
    let spelled = value.as_str().unwrap_or_default().replace("incomplete", "todo,in_progress");
    fields::several_of(&Value::String(spelled), &STATUSES)
}

/// Several priorities, joined by commas.
///
/// # Errors
/// The rule.
pub fn priorities(value: &Value) -> Ruled<Vec<Priority>> {
    fields::several_of(value, &PRIORITIES)
}

/// The name of a tag: 1-50 characters after trimming, no comma.
///
/// # Errors
/// The rule.
pub fn tag_name(value: &Value) -> Ruled<String> {
    let name = fields::text(value, 1, MAX_TAG)?;
    if name.contains(',') { Err("must not contain a comma".into()) } else { Ok(name) }
}

/// Names of tags: at most 20, each once, whatever its letter case; the first spelling counts.
fn tag_names(value: &Value) -> Ruled<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in fields::list(value, 100, tag_name)? {
        if !names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            names.push(name);
        }
    }
    if names.len() > MAX_TAGS {
        return Err(format!("must have at most {MAX_TAGS} different entries, has {}", names.len()));
    }
    names.sort_by_key(|name| name.to_lowercase());
    Ok(names)
}

fn offset(value: &Value) -> Ruled<i32> {
    fields::integer(value, 0, MAX_OFFSET).map(|minutes| i32::try_from(minutes).unwrap_or(i32::MAX))
}

/// A new task from the fields of a request.
///
/// # Errors
/// A problem that names every field that breaks a rule.
pub fn draft(mut fields: Fields, id: Uuid, caller: &Caller, now: DateTime<Utc>) -> Result<Task, Problem> {
    let title = fields.required("title", title).unwrap_or_default();
    let description = fields.optional("description", description).filter(|text| !text.is_empty());
    let status = fields.optional("status", status).unwrap_or_default();
    let priority = fields.optional("priority", priority).unwrap_or_default();
    let mut due_at = fields.optional("due_at", fields::instant);
    let reminder_offset_minutes = fields.optional("reminder_offset_minutes", offset);
    let tags = fields.optional("tag_names", tag_names).unwrap_or_default();
    let mut recurrence_pattern = fields.optional("recurrence_pattern", recurrence::pattern);
    if let Some(pattern) = &mut recurrence_pattern {
        recurrence::begin(pattern, &mut due_at, &caller.zoneinfo, now)?;
    }
    check_reminder(&mut fields, reminder_offset_minutes, due_at, now);
    recurrence::check_end(&mut fields, recurrence_pattern.as_ref(), due_at, &caller.zoneinfo);
    fields.finish()?;
    let recurs = recurrence_pattern.is_some();
    Ok(Task {
        id,
        user_id: caller.user_id,
        tenant_id: caller.tenant_id,
        title,
        description,
        status,
        priority,
        due_at,
        reminder_offset_minutes,
        tags,
        recurrence_pattern,
        series_id: recurs.then_some(id),
        occurrence: recurs.then_some(1),
        recurrence_ended: false,
        completed_at: (status == Status::Completed).then_some(now),
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// A reminder needs a due date that is still to come.
fn check_reminder(fields: &mut Fields, offset: Option<i32>, due_at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    match (offset, due_at) {
        (Some(_), None) => fields.refuse("reminder_offset_minutes", "needs a due_at"),
        (Some(_), Some(due_at)) if due_at <= now => {
            fields.refuse("reminder_offset_minutes", "needs a due_at that is still to come")
        }
        _ => {}
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use contracts::token::Claims;
    use serde_json::json;

    use super::*;

    pub(super) fn now() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    pub(crate) fn caller() -> Caller {
        let claims = Claims {
            sub: "u".into(),
            user_id: Some(Uuid::nil()),
            tenant_id: Some(Uuid::nil()),
            client_id: None,
            scope: "user".into(),
            iss: String::new(),
            aud: String::new(),
            iat: 0,
            exp: 0,
            jti: Uuid::nil(),
            zoneinfo: Some("Europe/Berlin".into()),
            rate: None,
        };
        Caller::try_from(claims).unwrap()
    }

    pub(super) fn drafted(body: Value) -> Result<Task, Problem> {
        draft(Fields::of(body).unwrap(), Uuid::now_v7(), &caller(), now())
    }

    fn named(problem: &Problem) -> Vec<&str> {
        problem.errors().iter().map(|error| error.field.as_str()).collect()
    }

    #[test]
    fn a_title_is_enough_and_defaults_are_filled_in() {
        let task = drafted(json!({ "title": "  Submit report " })).unwrap();
        assert_eq!(
            (task.title.as_str(), task.status, task.priority, task.version),
            ("Submit report", Status::Todo, Priority::Medium, 1)
        );
    }

    #[test]
    fn every_broken_rule_is_named_at_once() {
        let long = "x".repeat(MAX_TITLE + 1);
        let body =
            json!({ "title": long, "priority": "urgent", "reminder_offset_minutes": 5, "tag_names": ["a,b"], "colour": 1 });
        assert_eq!(named(&drafted(body).unwrap_err()), ["title", "priority", "tag_names", "reminder_offset_minutes", "colour"]);
    }

    #[test]
    fn a_reminder_needs_a_due_date_to_come() {
        let past = drafted(json!({ "title": "x", "due_at": "2026-03-01T11:59:59Z", "reminder_offset_minutes": 0 })).unwrap_err();
        assert_eq!(named(&past), ["reminder_offset_minutes"]);
        assert!(drafted(json!({ "title": "x", "due_at": "2026-03-01T12:00:01Z", "reminder_offset_minutes": 525600 })).is_ok());
        assert!(drafted(json!({ "title": "x", "due_at": "2027-03-01T12:00:01Z", "reminder_offset_minutes": 525601 })).is_err());
    }

    #[test]
    fn tags_collapse_whatever_their_case() {
        let task = drafted(json!({ "title": "x", "tag_names": ["home", "Work", "HOME"] })).unwrap();
        assert_eq!(task.tags, ["home", "Work"]);
    }
}
