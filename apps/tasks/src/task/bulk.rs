//! What is asked for many tasks at once, and the next version of each: the same as if each were changed alone.

use calendar::instant;
use chrono::{DateTime, Days, TimeDelta, Utc};
use contracts::task::{Priority, Status, Task};
use contracts::update::Change as Happened;
use serde_json::Value;
use service::Problem;
use service::fields::{self, Change, Fields, Ruled};
use uuid::Uuid;

use super::changes::{Changes, Difference, Next, complete, delete, moved_on};
use super::{MAX_TAGS, priority, tag_names};

/// Most tasks of one request.
pub const MAX_TASKS: usize = 100;
/// Ten years: the farthest a date is moved.
const MAX_DAYS: i64 = 3650;
/// A year.
const MAX_MINUTES: i64 = 525_600;
const ACTIONS: &str = "complete, reopen, delete, restore, add_tags, remove_tags, priority, due_at, shift";

/// What shall happen to each.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It is done.
    Complete,
    /// It is to be done again.
    Reopen,
    /// It is gone.
    Delete,
    /// It is back.
    Restore,
    /// It bears these too.
    AddTags(Vec<String>),
    /// It bears none of these.
    RemoveTags(Vec<String>),
    /// It matters so much.
    Priority(Priority),
    /// It is due then, or never.
    DueAt(Option<DateTime<Utc>>),
    /// It is due so many days of its owner's calendar and minutes later; negative ones are earlier.
    Shift(i64, i64),
}

/// The tasks and the action that the fields of a request name.
///
/// # Errors
/// A problem that names every field that breaks a rule.
pub fn read(mut fields: Fields) -> Result<(Vec<Uuid>, Action), Problem> {
    let ids = fields.required("ids", ids).unwrap_or_default();
    let action = fields.required("action", action);
    fields.finish()?;
    Ok((ids, action.unwrap_or(Action::Complete)))
}

fn ids(value: &Value) -> Ruled<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = Vec::new();
    for id in fields::list(value, MAX_TASKS, fields::uuid)? {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() { Err("must name at least one task".into()) } else { Ok(ids) }
}

/// An object of one member, which names the action.
fn action(value: &Value) -> Ruled<Action> {
    let one = value.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
    let (name, value) = one.ok_or_else(|| format!("must be an object with one of {ACTIONS}"))?;
    let says = |rule: String| format!("{name} {rule}");
    let just = |action: Action| if value == &Value::Bool(true) { Ok(action) } else { Err(says("must be true".into())) };
    let tags = || match tag_names(value) {
        Ok(names) if names.is_empty() => Err(says("must name at least one tag".into())),
        other => other.map_err(says),
    };
    match name.as_str() {
        "complete" => just(Action::Complete),
        "reopen" => just(Action::Reopen),
        "delete" => just(Action::Delete),
        "restore" => just(Action::Restore),
        "add_tags" => tags().map(Action::AddTags),
        "remove_tags" => tags().map(Action::RemoveTags),
        "priority" => priority(value).map(Action::Priority).map_err(says),
        "due_at" if value.is_null() => Ok(Action::DueAt(None)),
        "due_at" => fields::instant(value).map(|at| Action::DueAt(Some(at))).map_err(says),
        "shift" => shift(value).map_err(says),
        _ => Err(format!("must be an object with one of {ACTIONS}")),
    }
}

fn shift(value: &Value) -> Ruled<Action> {
    let mut by = Fields::of(value.clone()).map_err(|_| "must be an object with days, minutes or both".to_owned())?;
    let mut number = |name: &str, most: i64| by.optional(name, |value| fields::integer(value, -most, most)).unwrap_or(0);
    let (days, minutes) = (number("days", MAX_DAYS), number("minutes", MAX_MINUTES));
    by.finish().map_err(|problem| {
        let each = problem.errors().iter().map(|error| format!("{} {}", error.field, error.message));
        each.collect::<Vec<_>>().join("; ")
    })?;
    if (days, minutes) == (0, 0) { Err("must have days, minutes or both".into()) } else { Ok(Action::Shift(days, minutes)) }
}

impl Action {
    /// The next version of a task that is `deleted` or not; nothing when it stays as it is.
    ///
    /// # Errors
    /// A problem that names the fields that cannot stand together; 404 for a deleted task, which can only be restored.
    pub fn apply(&self, before: &Task, deleted: bool, zone: &str, now: DateTime<Utc>) -> Result<Option<Next>, Problem> {
        let changes = match self {
            Self::Restore => return Ok(deleted.then(|| restored(before, now))),
            _ if deleted => return Err(Problem::not_found()),
            Self::Complete => return Ok(complete(before, now)),
            Self::Delete => return Ok(Some(delete(before, now))),
            Self::Reopen if before.status != Status::Completed => return Ok(None),
            Self::Reopen => Changes { status: Some(Status::Todo), ..Changes::default() },
            Self::AddTags(names) => Changes { tag_names: Some(with(&before.tags, names)?), ..Changes::default() },
            Self::RemoveTags(names) => Changes { tag_names: Some(without(&before.tags, names)), ..Changes::default() },
            Self::Priority(priority) => Changes { priority: Some(*priority), ..Changes::default() },
            Self::DueAt(due_at) => due(*due_at),
            Self::Shift(days, minutes) => match before.due_at {
                None => return Ok(None),
                Some(due_at) => due(Some(shifted(due_at, *days, *minutes, zone)?)),
            },
        };
        changes.apply(before, zone, now)
    }
}

/// The deleted task, back again.
pub fn restored(before: &Task, now: DateTime<Utc>) -> Next {
    Next { task: moved_on(before, now), happened: Happened::Updated, difference: Difference::default() }
}

fn due(due_at: Option<DateTime<Utc>>) -> Changes {
    Changes { due_at: due_at.map_or(Change::Clear, Change::Set), ..Changes::default() }
}

/// Days keep the owner's wall clock.
fn shifted(due_at: DateTime<Utc>, days: i64, minutes: i64, zone: &str) -> Result<DateTime<Utc>, Problem> {
    let zone = zone.parse().unwrap_or(chrono_tz::UTC);
    let wall = due_at.with_timezone(&zone).naive_local();
    let count = Days::new(days.unsigned_abs());
    let moved = if days < 0 { wall.checked_sub_days(count) } else { wall.checked_add_days(count) };
    let at = if days == 0 { Some(due_at) } else { moved.map(|wall| instant(wall, zone)) };
    // By the rule of every due date: a year that the calendar knows.
    let at = at.and_then(|at| at.checked_add_signed(TimeDelta::minutes(minutes)));
    at.and_then(|at| fields::instant(&Value::String(at.to_rfc3339())).ok())
        .ok_or_else(|| Problem::field("due_at", "would be moved out of the calendar"))
}

fn is_among(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other.to_lowercase() == name.to_lowercase())
}

fn with(tags: &[String], names: &[String]) -> Result<Vec<String>, Problem> {
    let mut tags = tags.to_vec();
    tags.extend(names.iter().filter(|name| !is_among(name, &tags)).cloned().collect::<Vec<_>>());
    if tags.len() > MAX_TAGS {
        return Err(Problem::field("tag_names", format!("would have {} entries, {MAX_TAGS} at most", tags.len())));
    }
    tags.sort_by_key(|name| name.to_lowercase());
    Ok(tags)
}

fn without(tags: &[String], names: &[String]) -> Vec<String> {
    tags.iter().filter(|tag| !is_among(tag, names)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::tests::{drafted, now};

    fn asked(action: Value) -> Result<Action, Problem> {
        let body = json!({ "ids": [Uuid::nil()], "action": action });
        read(Fields::of(body).unwrap()).map(|(_, action)| action)
    }

    fn done(action: Value, task: &Task, zone: &str) -> Option<Task> {
        asked(action).unwrap().apply(task, false, zone, now()).unwrap().map(|next| next.task)
    }

    #[test]
    fn an_action_is_one_member_that_its_own_rule_reads() {
        assert_eq!(asked(json!({ "complete": true })).unwrap(), Action::Complete);
        assert_eq!(asked(json!({ "due_at": null })).unwrap(), Action::DueAt(None));
        assert_eq!(asked(json!({ "shift": { "days": -1 } })).unwrap(), Action::Shift(-1, 0));
        for bad in [
            json!("complete"),
            json!({}),
            json!({ "complete": true, "delete": true }),
            json!({ "complete": false }),
            json!({ "add_tags": [] }),
            json!({ "add_tags": ["a,b"] }),
            json!({ "priority": "urgent" }),
            json!({ "due_at": "soon" }),
            json!({ "shift": {} }),
            json!({ "shift": { "days": 0 } }),
            json!({ "shift": { "days": 3651 } }),
            json!({ "shift": { "weeks": 1 } }),
            json!({ "archive": true }),
        ] {
            assert_eq!(asked(bad.clone()).unwrap_err().errors()[0].field, "action", "{bad}");
        }
    }

    #[test]
    fn a_date_that_is_moved_by_days_keeps_its_owners_wall_clock() {
        let task = drafted(json!({ "title": "x", "due_at": "2026-03-28T08:00:00Z" })).unwrap();
        let due = |action: Value, zone: &str| done(action, &task, zone).unwrap().due_at.unwrap().to_rfc3339();
        assert_eq!(due(json!({ "shift": { "days": 1 } }), "Europe/Berlin"), "2026-03-29T07:00:00+00:00");
        assert_eq!(due(json!({ "shift": { "days": 1 } }), "UTC"), "2026-03-29T08:00:00+00:00");
        assert_eq!(due(json!({ "shift": { "minutes": 1440 } }), "Europe/Berlin"), "2026-03-29T08:00:00+00:00");
        assert_eq!(due(json!({ "shift": { "days": -1, "minutes": 30 } }), "Europe/Berlin"), "2026-03-27T08:30:00+00:00");
        let never = drafted(json!({ "title": "x" })).unwrap();
        assert_eq!(done(json!({ "shift": { "days": 1 } }), &never, "UTC"), None);
    }

    #[test]
    fn what_is_so_already_stays_as_it_is() {
        let task = drafted(json!({ "title": "x", "tag_names": ["Home"] })).unwrap();
        for action in [
            json!({ "reopen": true }),
            json!({ "restore": true }),
            json!({ "add_tags": ["home"] }),
            json!({ "remove_tags": ["work"] }),
            json!({ "priority": "medium" }),
            json!({ "due_at": null }),
        ] {
            assert_eq!(done(action.clone(), &task, "UTC"), None, "{action}");
        }
        assert_eq!(done(json!({ "add_tags": ["work"] }), &task, "UTC").unwrap().tags, ["Home", "work"]);
        assert!(done(json!({ "remove_tags": ["HOME"] }), &task, "UTC").unwrap().tags.is_empty());
        let names: Vec<String> = (0..MAX_TAGS).map(|number| number.to_string()).collect();
        assert!(Action::AddTags(names).apply(&task, false, "UTC", now()).is_err());
        assert!(Action::Complete.apply(&task, true, "UTC", now()).is_err());
    }
}
