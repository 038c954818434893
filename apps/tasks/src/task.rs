//! The noun: what a task may be, and what becomes of it. No await, no HTTP, no SQL.

use chrono::{DateTime, Utc};
use contracts::task::{Priority, RecurrencePattern, Status, Task};
use contracts::update::Change as Happened;
use serde_json::{Map, Value};
use service::fields::{self, Change, Fields, Ruled};
use service::{Caller, Problem};
use uuid::Uuid;

use crate::recurrence;

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
    let due_at = fields.optional("due_at", fields::instant);
    let reminder_offset_minutes = fields.optional("reminder_offset_minutes", offset);
    let tags = fields.optional("tag_names", tag_names).unwrap_or_default();
    let recurrence_pattern = fields.optional("recurrence_pattern", recurrence::pattern);
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
pub fn changes(mut fields: Fields) -> Result<Changes, Problem> {
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

/// The next version of a task, and what tells it from the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// After the change.
    pub task: Task,
    /// What happened, in one word.
    pub happened: Happened,
    /// Names of the fields that changed.
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
        self.set_pattern(&mut after);

        let mut rules = Fields::of(Value::Object(Map::new()))?;
        let moved = after.due_at != before.due_at || after.reminder_offset_minutes != before.reminder_offset_minutes;
        if moved && self.reminder_offset_minutes != Change::Keep {
            check_reminder(&mut rules, after.reminder_offset_minutes, after.due_at, now);
        }
        recurrence::check_end(&mut rules, after.recurrence_pattern.as_ref(), after.due_at, zone);
        rules.finish()?;
        Ok(next(before, after, now))
    }

    fn set_pattern(&self, after: &mut Task) {
        match &self.recurrence_pattern {
            Change::Keep => {}
            Change::Clear => {
                after.recurrence_ended = after.recurrence_ended || after.series_id.is_some();
                after.recurrence_pattern = None;
            }
            Change::Set(pattern) => {
                after.recurrence_pattern = Some(pattern.clone());
                after.recurrence_ended = false;
                after.series_id = after.series_id.or(Some(after.id));
                after.occurrence = after.occurrence.or(Some(1));
            }
        }
    }
}

/// The completed task; nothing when it is completed already.
pub fn complete(before: &Task, now: DateTime<Utc>) -> Option<Next> {
    let mut after = before.clone();
    set_status(&mut after, Status::Completed, now);
    next(before, after, now)
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
    Some(Next { task: moved_on(&after, now), happened, changed, previous })
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
    use contracts::token::Claims;
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn caller() -> Caller {
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

    fn drafted(body: Value) -> Result<Task, Problem> {
        draft(Fields::of(body).unwrap(), Uuid::now_v7(), &caller(), now())
    }

    fn named(problem: &Problem) -> Vec<&str> {
        problem.errors().iter().map(|error| error.field.as_str()).collect()
    }

    fn patched(task: &Task, body: Value) -> Result<Option<Next>, Problem> {
        changes(Fields::of(body).unwrap())?.apply(task, "UTC", now() + TimeDelta::minutes(1))
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
        assert_eq!(next.changed, ["due_at", "reminder_offset_minutes"]);
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
    fn ending_a_series_says_so() {
        let pattern = json!({ "pattern_type": "daily", "interval": 1, "end_type": "never" });
        let task = drafted(json!({ "title": "x", "due_at": "2026-03-02T12:00:00Z", "recurrence_pattern": pattern })).unwrap();
        assert_eq!((task.series_id, task.occurrence), (Some(task.id), Some(1)));
        let ended = patched(&task, json!({ "recurrence_pattern": null })).unwrap().unwrap().task;
        assert!(ended.recurrence_ended && ended.recurrence_pattern.is_none());
    }
}
