//! The form of a task, new or edited: what it shows. `body` is what it sends to the API, `merge` what becomes of it when somebody else
//! changed the task meanwhile.

mod body;
mod merge;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::Task;
use uuid::Uuid;

use crate::form::{self, Errors, Fields};
use crate::reminder::Choice;
use crate::repeat::Repeat;
use crate::{view, zone};

/// What the form shows: what was stored, or what was typed and refused.
#[derive(Clone, Debug)]
pub struct TaskForm {
    /// As typed.
    pub title: String,
    /// As typed.
    pub description: String,
    /// Local, as `datetime-local` writes it.
    pub due: String,
    /// The reminder selector.
    pub reminder: Choice,
    /// `high`, `medium` or `low`.
    pub priority: String,
    /// `todo`, `in_progress` or `completed`.
    pub status: String,
    /// Joined by commas.
    pub tags: String,
    /// How it comes again.
    pub repeat: Repeat,
    /// The dates that this gives, in words.
    pub dates: Option<String>,
    /// Of the state that the form was filled from; 0 for a new task.
    pub version: i64,
    /// Makes a second submit of a new task harmless.
    pub key: String,
    /// Marks of the stored values the form was filled from: they tell what the person changed from what others changed.
    pub base: String,
    /// What is wrong.
    pub errors: Errors,
    /// What somebody else changed meanwhile, in words.
    pub elsewhere: Option<String>,
}

impl TaskForm {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            title: String::new(),
            description: String::new(),
            due: String::new(),
            reminder: Choice::of(None),
            priority: "medium".into(),
            status: "todo".into(),
            tags: String::new(),
            repeat: Repeat::of(None),
            dates: None,
            version: 0,
            key: Uuid::new_v4().to_string(),
            base: String::new(),
            errors: Errors::default(),
            elsewhere: None,
        }
    }

    /// What is stored.
    pub fn of_task(task: &Task, zone: Tz) -> Self {
        let form = Self {
            title: task.title.clone(),
            description: task.description.clone().unwrap_or_default(),
            due: task.due_at.map(|at| zone::input(at, zone)).unwrap_or_default(),
            reminder: Choice::of(task.reminder_offset_minutes),
            priority: view::priority(task.priority).into(),
            status: view::status(task.status).into(),
            tags: task.tags.join(", "),
            repeat: Repeat::of(task.recurrence_pattern.as_ref()),
            version: task.version,
            ..Self::new()
        };
        Self { base: form.marks(), ..form }
    }

    /// What was typed.
    pub fn of_fields(fields: &Fields) -> Self {
        Self {
            title: fields.get("title").into(),
            // Browsers send line ends as CR LF; what is stored has LF.
            description: fields.get("description").replace("\r\n", "\n"),
            due: fields.get("due").into(),
            reminder: Choice {
                preset: fields.or("reminder", "off"),
                number: fields.get("reminder_number").into(),
                unit: fields.or("reminder_unit", "minutes"),
            },
            priority: fields.or("priority", "medium"),
            status: fields.or("status", "todo"),
            tags: fields.get("tags").into(),
            repeat: Repeat::of_fields(fields),
            dates: None,
            version: fields.get("version").parse().unwrap_or(0),
            key: fields.or("key", &Uuid::new_v4().to_string()),
            base: fields.get("base").into(),
            errors: Errors::default(),
            elsewhere: None,
        }
    }

    /// With what its line says besides the title, and whether it says anything. What a control says stands: the line fills those that were
    /// left alone.
    pub fn read(&self, zone: Tz, now: DateTime<Utc>) -> (Self, bool) {
        let (draft, mut form) = (quickadd::read(&self.title, zone, now), self.clone());
        form.title = draft.title;
        if let Some(due) = draft.due_at.filter(|_| form.due.trim().is_empty()) {
            form.due = zone::input(due, zone);
        }
        if draft.reminder_offset_minutes.is_some() && form.reminder.preset == "off" {
            form.reminder = Choice::of(draft.reminder_offset_minutes);
        }
        if let Some(priority) = draft.priority.filter(|_| form.priority == "medium") {
            form.priority = view::priority(priority).into();
        }
        if let Some(pattern) = draft.recurrence_pattern.filter(|_| !form.repeat.is_on()) {
            form.repeat = Repeat::of(Some(&pattern));
        }
        form.tags = [&self.tag_names()[..], &draft.tags].concat().join(",");
        (form, !draft.parts.is_empty())
    }

    /// With the dates that it gives.
    pub fn dated(self, zone: Tz, now: DateTime<Utc>) -> Self {
        Self { dates: self.repeat.dates(&self.due, zone, now), ..self }
    }

    /// Whether anything but the title was given, or is wrong: then the rest of the form is open.
    pub fn is_open(&self) -> bool {
        let rest = [&self.description, &self.due, &self.tags].into_iter().any(|text| !text.is_empty());
        rest || self.reminder.preset != "off"
            || self.priority != "medium"
            || self.repeat.is_on()
            || self.errors.0.iter().any(|wrong| wrong.field != "title")
    }

    /// The names between the commas, each once.
    fn tag_names(&self) -> Vec<String> {
        let mut names = form::names(&self.tags);
        names.sort_by_key(|name| name.to_lowercase());
        names.dedup_by_key(|name| name.to_lowercase());
        names
    }
}

impl Default for TaskForm {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod sample {
    use chrono::DateTime;
    use contracts::task::{Priority, Status, Task};
    use uuid::Uuid;

    /// A task that has most things.
    pub fn task() -> Task {
        let at = DateTime::from_timestamp(1_790_000_045, 0).unwrap();
        Task {
            id: Uuid::nil(),
            user_id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            title: "Submit report".into(),
            description: None,
            status: Status::Todo,
            priority: Priority::High,
            due_at: Some(at),
            reminder_offset_minutes: Some(60),
            tags: vec!["work".into()],
            recurrence_pattern: None,
            series_id: None,
            occurrence: None,
            recurrence_ended: false,
            completed_at: None,
            version: 3,
            created_at: at,
            updated_at: at,
        }
    }
}
