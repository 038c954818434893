//! The form of a task, new or edited: what it shows, what it sends to the API, and whose words its errors are.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::{RecurrencePattern, Status, Task};
use serde_json::{Map, Value, json};
use service::problem::Body;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::form::{self, Errors, Fields, Wrong};
use crate::reminder::Choice;
use crate::repeat::{self, Repeat};
use crate::{view, zone};

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

/// Labels of the controls, in the order of their marks.
const LABELS: [&str; 8] = ["Title", "Description", "Due", "Reminder", "Priority", "Status", "Tags", "Repeat"];

const NEEDS_DUE: &str = "Set when it is due, so that the reminder has a time to come before.";

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

    /// What was typed, over a newer stored state: what the person left alone follows the others, what both changed is said. The next
    /// save is a save of this version.
    pub fn over(self, task: &Task, zone: Tz) -> Self {
        let theirs = Self::of_task(task, zone);
        let (mine, stored, base) = (self.texts(), theirs.texts(), self.base.clone());
        let marks: Vec<&str> = base.split(',').collect();
        let since = |index: usize, text: &str| marks.get(index) != Some(&mark(text).as_str());
        let touched = |index: usize| since(index, &mine[index]);
        let clash = |index: &usize| touched(*index) && since(*index, &stored[*index]) && mine[*index] != stored[*index];
        let said: Vec<String> = (0..LABELS.len()).filter(clash).map(|index| said(LABELS[index], &stored[index])).collect();
        let pick = |index: usize, mine: String, theirs: String| if touched(index) { mine } else { theirs };
        Self {
            title: pick(0, self.title, theirs.title),
            description: pick(1, self.description, theirs.description),
            due: pick(2, self.due, theirs.due),
            reminder: if touched(3) { self.reminder } else { theirs.reminder },
            priority: pick(4, self.priority, theirs.priority),
            status: pick(5, self.status, theirs.status),
            tags: pick(6, self.tags, theirs.tags),
            repeat: if touched(7) { self.repeat } else { theirs.repeat },
            version: theirs.version,
            base: theirs.base,
            elsewhere: if said.is_empty() { None } else { Some(said.join(" ")) },
            ..self
        }
    }

    /// What each control says, in the order of [`LABELS`].
    fn texts(&self) -> [String; 8] {
        let reminder = match self.reminder.minutes() {
            Ok(minutes) => minutes.map_or_else(|| "Off".to_owned(), crate::reminder::words),
            Err(_) => format!("{} {}", self.reminder.number, self.reminder.unit),
        };
        let text = |text: &str| text.trim().to_owned();
        let tags = self.tag_names().join(", ");
        let read = self.repeat.pattern().map(serde_json::from_value::<RecurrencePattern>);
        let repeat = match read {
            None => "Never".to_owned(),
            Some(Ok(pattern)) => repeat::words(&pattern) + &repeat::end_words(&pattern),
            Some(Err(_)) => format!("{:?}", self.repeat),
        };
        let [title, description, due] = [&self.title, &self.description, &self.due].map(|field| text(field));
        [title, description, due, reminder, text(&self.priority), text(&self.status), tags, repeat]
    }

    fn marks(&self) -> String {
        self.texts().map(|text| mark(&text)).join(",")
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

    /// The names between the commas, each once.
    fn tag_names(&self) -> Vec<String> {
        let mut names = form::names(&self.tags);
        names.sort_by_key(|name| name.to_lowercase());
        names.dedup_by_key(|name| name.to_lowercase());
        names
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
}

/// Enough of a hash to tell two values of one field apart.
fn mark(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// What a control says now that somebody else changed it.
fn said(label: &str, text: &str) -> String {
    match text {
        "" => format!("{label} is now empty."),
        text if text.chars().count() > 80 => format!("{label} is now another text."),
        text => format!(
            "{label} is now “{}”.",
            text.replace('T', if label == "Due" { " " } else { "T" }).replace("in_progress", "in progress")
        ),
    }
}

impl Default for TaskForm {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contracts::task::Priority;

    use super::*;

    fn task() -> Task {
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
    fn what_others_changed_is_kept_and_only_what_both_changed_is_said() {
        let mine = TaskForm { title: "Mine".into(), due: String::new(), ..TaskForm::of_task(&task(), Tz::UTC) };
        let elsewhere = Task { priority: Priority::Low, description: Some("New".into()), version: 4, ..task() };
        let merged = mine.clone().over(&elsewhere, Tz::UTC);
        assert_eq!((merged.elsewhere.as_deref(), merged.version), (None, 4));
        let changes = Value::from(merged.changes(&elsewhere, Tz::UTC).0);
        assert_eq!(changes, json!({ "title": "Mine", "due_at": null, "reminder_offset_minutes": null }));

        let clash = mine.over(&Task { title: "Theirs".into(), priority: Priority::Low, version: 5, ..task() }, Tz::UTC);
        assert_eq!(clash.elsewhere.as_deref(), Some("Title is now “Theirs”."));
        assert_eq!((clash.title.as_str(), clash.priority.as_str()), ("Mine", "low"));
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
