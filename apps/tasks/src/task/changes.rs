//! What a PATCH asks for, and the next version of a task.

use chrono::{DateTime, Utc};
use contracts::task::{Priority, RecurrencePattern, Status, Task};
use contracts::update::Change as Happened;
use serde_json::{Map, Value};
use service::Problem;
use service::fields::{self, Change, Fields};

use super::{check_reminder, description, offset, priority, status, tag_names, title};
use crate::recurrence;

/// What a PATCH asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// New title.
    pub title: Option<String>,
    /// New, cleared or kept description.
    pub description: Change<String>,
    /// New status.
    pub status: Option<Status>,
    /// New priority.
    pub priority: Option<Priority>,
    /// New, cleared or kept due date.
    pub due_at: Change<DateTime<Utc>>,
    /// New, cleared or kept offset.
    pub reminder_offset_minutes: Change<i32>,
    /// The whole new set of tags.
    pub tag_names: Option<Vec<String>>,
    /// New, ended or kept pattern.
    pub recurrence_pattern: Change<RecurrencePattern>,
}

/// The changes that the fields of a request ask for.
///
/// # Errors
/// A problem that names every field that breaks a rule by itself; an empty body is one.
pub fn read(mut fields: Fields) -> Result<Changes, Problem> {
    if fields.is_empty() {
        return Err(Problem::field("body", "must name at least one field to change"));
    }
    let changes = Changes {
        title: fields.replace("title", title),
        description: match fields.change("description", description) {
            Change::Set(text) if text.is_empty() => Change::Clear,
            other => other,
        },
        status: fields.replace("status", status),
        priority: fields.replace("priority", priority),
        due_at: fields.change("due_at", fields::instant),
        reminder_offset_minutes: fields.change("reminder_offset_minutes", offset),
        tag_names: fields.replace("tag_names", tag_names),
        recurrence_pattern: fields.change("recurrence_pattern", recurrence::pattern),
    };
    fields.finish()?;
    Ok(changes)
}

/// The next version of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// After the change.
    pub task: Task,
    /// What happened, in one word.
    pub happened: Happened,
    /// What tells it from the one before.
    pub difference: Difference,
}

/// What changed, for `task.updated`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Names of the fields.
    pub changed: Vec<String>,
    /// Their values before.
    pub previous: Map<String, Value>,
}

impl Changes {
    /// Applies them; nothing when the task stays as it is.
    ///
    /// # Errors
    /// A problem that names the fields that cannot stand together.
    pub fn apply(&self, before: &Task, zone: &str, now: DateTime<Utc>) -> Result<Option<Next>, Problem> {
        let mut after = before.clone();
        set(&mut after.title, self.title.clone());
        change(&mut after.description, &self.description);
        set(&mut after.priority, self.priority);
        change(&mut after.due_at, &self.due_at);
        change(&mut after.reminder_offset_minutes, &self.reminder_offset_minutes);
        set(&mut after.tags, self.tag_names.clone());
        if after.due_at.is_none() && self.reminder_offset_minutes == Change::Keep {
            after.reminder_offset_minutes = None;
        }
        set_status(&mut after, self.status.unwrap_or(before.status), now);
        self.set_pattern(&mut after, zone, now)?;

        let mut rules = Fields::of(Value::Object(Map::new()))?;
        let moved = after.due_at != before.due_at || after.reminder_offset_minutes != before.reminder_offset_minutes;
        if moved {
            check_reminder(&mut rules, after.reminder_offset_minutes, after.due_at, now);
        }
        recurrence::check_end(&mut rules, after.recurrence_pattern.as_ref(), after.due_at, zone);
        rules.finish()?;
        Ok(next(before, after, now))
    }

    fn set_pattern(&self, after: &mut Task, zone: &str, now: DateTime<Utc>) -> Result<(), Problem> {
        let known = after.recurrence_pattern.take();
        match &self.recurrence_pattern {
            // As long as the first is not done, the series begins when it is due.
            Change::Keep if after.occurrence == Some(1) && matches!(self.due_at, Change::Set(_)) => {
                let due_at = &mut after.due_at;
                after.recurrence_pattern = known.map(|pattern| begun(&pattern, due_at, zone, now)).transpose()?;
            }
            Change::Keep => after.recurrence_pattern = known,
            Change::Clear => {
                after.recurrence_ended = after.recurrence_ended || after.series_id.is_some();
            }
            Change::Set(pattern) => {
                let same = known.filter(|known| recurrence::says_the_same(known, pattern));
                after.recurrence_pattern = Some(match same {
                    Some(known) => known,
                    None => begun(pattern, &mut after.due_at, zone, now)?,
                });
                after.recurrence_ended = false;
                after.series_id = after.series_id.or(Some(after.id));
                after.occurrence = after.occurrence.or(Some(1));
            }
        }
        Ok(())
    }
}

/// The pattern, its dates beginning at the task's due time.
fn begun(
    pattern: &RecurrencePattern,
    due_at: &mut Option<DateTime<Utc>>,
    zone: &str,
    now: DateTime<Utc>,
) -> Result<RecurrencePattern, Problem> {
    let mut pattern = pattern.clone();
    recurrence::begin(&mut pattern, due_at, zone, now)?;
    Ok(pattern)
}

/// The task whose series was stopped: it stays, and nothing follows it. Nothing when it was stopped before.
pub fn stop(before: &Task, now: DateTime<Utc>) -> Option<Next> {
    let after = Task { recurrence_pattern: None, recurrence_ended: true, ..before.clone() };
    next(before, after, now)
}

/// The last task of a series that has come to its end; nothing when it says so already.
pub fn last(before: &Task, now: DateTime<Utc>) -> Option<Next> {
    let after = Task { recurrence_ended: true, ..before.clone() };
    next(before, after, now)
}

/// The task as it was before its last change, by what that change says of before. It was so once, so no rule is asked again; only the version moves on.
///
/// # Errors
/// When what was kept is no task.
pub fn undone(before: &Task, previous: &Map<String, Value>, now: DateTime<Utc>) -> Result<Option<Next>, Problem> {
    let mut fields = object(before);
    fields.extend(previous.clone());
    let after = serde_json::from_value(Value::Object(fields)).map_err(Problem::internal)?;
    Ok(next(before, after, now))
}

/// The completed task; nothing when it is completed already.
pub fn complete(before: &Task, now: DateTime<Utc>) -> Option<Next> {
    let mut after = before.clone();
    set_status(&mut after, Status::Completed, now);
    next(before, after, now)
}

/// The deleted task.
pub fn delete(before: &Task, now: DateTime<Utc>) -> Next {
    Next { task: moved_on(before, now), happened: Happened::Deleted, difference: Difference::default() }
}

/// The task one version on, its fields unchanged: deleted, or restored.
pub fn moved_on(before: &Task, now: DateTime<Utc>) -> Task {
    Task { version: before.version + 1, updated_at: now, ..before.clone() }
}

fn set_status(task: &mut Task, status: Status, now: DateTime<Utc>) {
    task.completed_at = match status {
        Status::Completed => task.completed_at.or(Some(now)),
        Status::Todo | Status::InProgress => None,
    };
    task.status = status;
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn change<T: Clone>(field: &mut Option<T>, change: &Change<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *field = None,
        Change::Set(value) => *field = Some(value.clone()),
    }
}

fn next(before: &Task, after: Task, now: DateTime<Utc>) -> Option<Next> {
    let (old, new) = (object(before), object(&after));
    let changed: Vec<String> =
        new.iter().filter(|(name, value)| old.get(*name) != Some(value)).map(|(name, _)| name.clone()).collect();
    if changed.is_empty() {
        return None;
    }
    let previous = old.into_iter().filter(|(name, _)| changed.contains(name)).collect();
    let completed = after.status == Status::Completed && before.status != Status::Completed;
    let happened = if completed { Happened::Completed } else { Happened::Updated };
    Some(Next { task: moved_on(&after, now), happened, difference: Difference { changed, previous } })
}

fn object(task: &Task) -> Map<String, Value> {
    match serde_json::to_value(task) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::task::tests::{drafted, now};

    fn patched(task: &Task, body: Value) -> Result<Option<Next>, Problem> {
        read(Fields::of(body).unwrap())?.apply(task, "UTC", now() + TimeDelta::minutes(1))
    }

    #[test]
    fn a_patch_changes_only_what_it_names_and_nothing_is_nothing() {
        let task =
            drafted(json!({ "title": "x", "description": "d", "due_at": "2026-04-01T12:00:00Z", "reminder_offset_minutes": 10 }))
                .unwrap();
        assert_eq!(patched(&task, json!({ "title": "x" })).unwrap(), None);
        let next = patched(&task, json!({ "due_at": null })).unwrap().unwrap();
        assert_eq!(
            (next.task.due_at, next.task.reminder_offset_minutes, next.task.description.as_deref()),
            (None, None, Some("d"))
        );
        assert_eq!(next.difference.changed, ["due_at", "reminder_offset_minutes"]);
        assert_eq!(next.task.version, 2);
        assert!(patched(&task, json!({})).is_err());
        assert!(patched(&task, json!({ "title": null })).is_err());
    }

    #[test]
    fn completing_by_patch_is_completing_and_reopening_clears_the_time() {
        let task = drafted(json!({ "title": "x" })).unwrap();
        let done = patched(&task, json!({ "status": "completed" })).unwrap().unwrap();
        assert_eq!(done.happened, Happened::Completed);
        assert!(done.task.completed_at.is_some());
        assert_eq!(complete(&done.task, now()), None);
        let open = patched(&done.task, json!({ "status": "todo" })).unwrap().unwrap();
        assert_eq!((open.happened, open.task.completed_at), (Happened::Updated, None));
    }

    #[test]
    fn a_reminder_goes_along_with_the_due_date_into_its_own_past_but_not_into_that_of_the_task() {
        let task = drafted(json!({ "title": "x", "due_at": "2026-04-01T12:00:00Z", "reminder_offset_minutes": 60 })).unwrap();
        let soon = patched(&task, json!({ "due_at": "2026-03-01T12:02:00Z" })).unwrap().unwrap();
        assert_eq!(soon.task.reminder_offset_minutes, Some(60), "its time is past, so the next tick fires it");
        let past = json!({ "due_at": "2026-03-01T12:00:59Z" });
        assert!(patched(&task, past.clone()).is_err());
        let without = json!({ "due_at": "2026-03-01T12:00:59Z", "reminder_offset_minutes": null });
        assert!(patched(&task, without).is_ok());
        // What is past already may be changed in everything else.
        let over = Task { due_at: Some(now()), ..task };
        assert!(patched(&over, json!({ "title": "y", "due_at": over.due_at })).is_ok());
        assert!(patched(&Task { reminder_offset_minutes: None, ..over }, past).is_ok());
    }

    #[test]
    fn what_is_taken_back_is_as_it_was_also_what_no_request_can_set() {
        let pattern = json!({ "pattern_type": "monthly", "interval": 1, "day_of_month": 31, "end_type": "never" });
        let full = json!({
            "title": "x", "description": "d", "due_at": "2026-03-31T12:00:00Z", "reminder_offset_minutes": 60, "tag_names": ["a", "b"],
            "recurrence_pattern": pattern,
        });
        let third = Task { occurrence: Some(3), due_at: Some(now()), ..drafted(full).unwrap() };
        let plain = drafted(json!({ "title": "x" })).unwrap();
        let weekly = json!({ "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO"], "end_type": "never" });
        for (task, body) in [
            (&third, json!({ "title": "y", "description": null, "due_at": null, "tag_names": ["c"], "priority": "high" })),
            (&third, json!({ "recurrence_pattern": weekly.clone() })),
            (&third, json!({ "recurrence_pattern": null, "status": "in_progress" })),
            (&plain, json!({ "recurrence_pattern": weekly })),
        ] {
            let changed = patched(task, body.clone()).unwrap().unwrap();
            let back = undone(&changed.task, &changed.difference.previous, now()).unwrap().unwrap();
            assert_eq!(back.task.version, 3, "{body}");
            assert_eq!(Task { version: 1, updated_at: task.updated_at, ..back.task }, *task, "{body}");
        }
    }

    #[test]
    fn ending_a_series_says_so() {
        let pattern = json!({ "pattern_type": "daily", "interval": 1, "end_type": "never" });
        let task = drafted(json!({ "title": "x", "due_at": "2026-03-02T12:00:00Z", "recurrence_pattern": pattern })).unwrap();
        assert_eq!((task.series_id, task.occurrence), (Some(task.id), Some(1)));
        let ended = patched(&task, json!({ "recurrence_pattern": null })).unwrap().unwrap().task;
        assert!(ended.recurrence_ended && ended.recurrence_pattern.is_none());
    }
}
