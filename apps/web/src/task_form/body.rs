//! What the form of a task sends to the API, and whose words its errors are.

use chrono_tz::Tz;
use contracts::task::{Status, Task};
use serde_json::{Map, Value, json};
use service::problem::Body;

use super::TaskForm;
use crate::form::{Errors, Wrong};
use crate::zone;

/// The API's names, our controls, their labels; what has no control is said at the title.
const CONTROLS: [(&str, &str, &str); 8] = [
    ("title", "title", "Title"),
    ("description", "description", "Description"),
    ("due_at", "due", "Due"),
    ("reminder_offset_minutes", "reminder", "Reminder"),
    ("priority", "priority", "Priority"),
    ("status", "status", "Status"),
    ("tag_names", "tags", "Tags"),
    ("recurrence_pattern", "repeat", "Repeat"),
];

const NEEDS_DUE: &str = "Set when it is due, so that the reminder has a time to come before.";

impl TaskForm {
    /// The body of `POST /tasks`, and what is wrong with it in our own words. What cannot be read goes as it was typed: the API refuses it
    /// together with what only the API knows, so that one answer names everything.
    pub fn creation(&self, zone: Tz) -> (Value, Errors) {
        let mut errors = Errors::default();
        if self.title.trim().is_empty() {
            errors.add("title", "Title is required.");
        }
        let due = self.due_at(zone, &mut errors);
        let reminder = self.reminder_minutes(&mut errors);
        if due.is_none() && reminder.is_some() {
            errors.add("reminder", NEEDS_DUE);
        }
        let mut body = Map::from_iter([
            ("title".to_owned(), json!(self.title)),
            ("priority".to_owned(), json!(self.priority)),
            ("tag_names".to_owned(), json!(self.tag_names())),
        ]);
        if !self.description.trim().is_empty() {
            body.insert("description".into(), json!(self.description));
        }
        if let Some(due) = due {
            body.insert("due_at".into(), json!(due));
        }
        if let Some(reminder) = reminder {
            body.insert("reminder_offset_minutes".into(), reminder);
        }
        if let Some(pattern) = self.repeat.pattern() {
            body.insert("recurrence_pattern".into(), pattern);
        }
        errors.0.extend(self.repeat.wrong().map(|message| Wrong { field: "repeat", message }));
        (body.into(), errors)
    }

    /// The body of `PATCH /tasks/{id}`: only what differs from what is stored, so that nothing is rounded or taken back unasked; and what
    /// is wrong, as with [`TaskForm::creation`].
    pub fn changes(&self, task: &Task, zone: Tz) -> (Map<String, Value>, Errors) {
        let (stored, mut errors, mut body) = (Self::of_task(task, zone), Errors::default(), Map::new());
        if self.title.trim().is_empty() {
            errors.add("title", "Title is required.");
        }
        if self.title != stored.title {
            body.insert("title".into(), json!(self.title));
        }
        if self.description != stored.description {
            let text = Some(&self.description).filter(|text| !text.trim().is_empty());
            body.insert("description".into(), json!(text));
        }
        let due = self.due_at(zone, &mut errors);
        if self.due.trim() != stored.due {
            body.insert("due_at".into(), json!(due));
        }
        // Without a due time there is nothing to remind of: clearing one clears the other.
        let cleared = self.due.trim().is_empty() && task.due_at.is_some();
        let reminder = if cleared { None } else { self.reminder_minutes(&mut errors) };
        if self.due.trim().is_empty() && reminder.is_some() {
            errors.add("reminder", NEEDS_DUE);
        }
        if json!(reminder) != json!(task.reminder_offset_minutes) {
            body.insert("reminder_offset_minutes".into(), json!(reminder));
        }
        if self.priority != stored.priority {
            body.insert("priority".into(), json!(self.priority));
        }
        // A completed task is reopened by its own button.
        if task.status != Status::Completed && self.status != stored.status {
            body.insert("status".into(), json!(self.status));
        }
        if self.tag_names() != task.tags {
            body.insert("tag_names".into(), json!(self.tag_names()));
        }
        let pattern = self.repeat.pattern();
        if pattern != stored.repeat.pattern() {
            body.insert("recurrence_pattern".into(), json!(pattern));
        }
        errors.0.extend(self.repeat.wrong().map(|message| Wrong { field: "repeat", message }));
        (body, errors)
    }

    /// With what the API refused, at our controls; where we have words of our own, they stand. In the order of the controls.
    pub fn refused(self, body: &Body, own: Errors) -> Self {
        let Errors(theirs) = Errors::of(body, &CONTROLS);
        let mut all = own;
        // Of a due time that it cannot read the API also says that the reminder lacks one.
        let follows = |wrong: &Wrong| wrong.field == "reminder" && all.at("due").is_some();
        let news: Vec<Wrong> = theirs.into_iter().filter(|wrong| all.at(wrong.field).is_none() && !follows(wrong)).collect();
        all.0.extend(news);
        all.0.sort_by_key(|wrong| CONTROLS.iter().position(|(_, field, _)| *field == wrong.field));
        Self { errors: all, ..self }
    }

    fn due_at(&self, zone: Tz, errors: &mut Errors) -> Option<String> {
        if self.due.trim().is_empty() {
            return None;
        }
        let read = zone::instant(&self.due, zone).map(zone::iso);
        Some(read.unwrap_or_else(|rule| {
            errors.add("due", format!("Due {rule}."));
            format!("unreadable: {}", self.due)
        }))
    }

    fn reminder_minutes(&self, errors: &mut Errors) -> Option<Value> {
        let read = self.reminder.minutes().map(|minutes| minutes.map(Value::from));
        read.unwrap_or_else(|rule| {
            errors.add("reminder", format!("Reminder {rule}."));
            Some(format!("unreadable: {} {}", self.reminder.number, self.reminder.unit).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::task;
    use super::*;
    use crate::reminder::Choice;

    #[test]
    fn a_form_left_as_it_was_changes_nothing_not_even_the_seconds() {
        let form = TaskForm::of_task(&task(), Tz::Europe__Berlin);
        let (changes, errors) = form.changes(&task(), Tz::Europe__Berlin);
        assert!(changes.is_empty() && errors.is_empty());
    }

    #[test]
    fn only_what_differs_is_sent_and_clearing_the_due_time_clears_the_reminder() {
        let form = TaskForm { due: String::new(), tags: "Work, home,home ".into(), ..TaskForm::of_task(&task(), Tz::UTC) };
        let changes = Value::from(form.changes(&task(), Tz::UTC).0);
        assert_eq!(changes, json!({ "due_at": null, "reminder_offset_minutes": null, "tag_names": ["home", "Work"] }));
    }

    #[test]
    fn a_new_task_is_due_in_the_persons_zone() {
        let form =
            TaskForm { title: "x".into(), due: "2026-07-01T14:00".into(), reminder: Choice::of(Some(15)), ..TaskForm::new() };
        let (body, errors) = form.creation(Tz::America__New_York);
        assert!(errors.is_empty());
        assert_eq!(body["due_at"], "2026-07-01T18:00:00Z");
        assert_eq!(body["reminder_offset_minutes"], 15);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let custom = Choice { preset: "custom".into(), number: "soon".into(), unit: "minutes".into() };
        let form = TaskForm { due: "tomorrow".into(), reminder: custom, ..TaskForm::new() };
        let (body, own) = form.creation(Tz::UTC);
        // Nothing that could be taken for a good value goes to the API in place of a bad one.
        assert!(body["due_at"].as_str().is_some_and(|text| text.starts_with("unreadable")), "{body}");
        assert!(body["reminder_offset_minutes"].is_string(), "{body}");
        let theirs: Vec<Value> =
            ["tag_names", "due_at"].iter().map(|field| json!({ "field": field, "message": "is wrong" })).collect();
        let body = json!({
            "type": "", "title": "", "status": 422, "detail": "", "instance": "", "code": "invalid_fields", "trace_id": "",
            "correlation_id": "", "errors": theirs,
        });
        let refused = form.refused(&serde_json::from_value(body).unwrap(), own);
        assert_eq!(refused.errors.0.iter().map(|wrong| wrong.field).collect::<Vec<_>>(), ["title", "due", "reminder", "tags"]);
        assert!(refused.errors.at("due").is_some_and(|words| words.contains("such as")), "our own words stand");
    }
}
