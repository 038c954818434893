//! Tasks of other programs, and tasks for them: what a file says as tasks of ours, with whatever gets lost on the way named; and back. No await,
//! no HTTP, no SQL.
//!
//! Each format reads into [`Item`]s and writes from tasks: [`ics`] with its rules in [`rule`], [`todoist`], [`taskwarrior`].

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::{Priority, RecurrencePattern, Status, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::fields::Fields;
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::task::{self, MAX_DESCRIPTION, MAX_OFFSET, MAX_TAG, MAX_TAGS, MAX_TITLE};

pub mod ics;
pub mod rule;
pub mod taskwarrior;
pub mod todoist;

#[cfg(test)]
mod tests;

/// The most items that one file may hold.
pub const MAX_ITEMS: usize = 1000;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// iCalendar, RFC 5545.
    Ics,
    /// The CSV of a Todoist project.
    Todoist,
    /// What `task export` prints.
    Taskwarrior,
    /// Our own tasks, as the API shows them; written, not read.
    Json,
}

/// When and for whom a file is read.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The zone of dates that name none.
    pub zone: Tz,
    /// Now.
    pub now: DateTime<Utc>,
}

/// One thing of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// By what its owner knows it.
    pub label: String,
    /// What it is called in its program: the same whenever the file comes again.
    pub source: Uuid,
    /// The task of ours that it was written from, if it was.
    pub own: Option<Uuid>,
    /// The task that it is, or why it is none.
    pub task: Result<Wanted, String>,
    /// What the task cannot say of it.
    pub lost: Vec<String>,
}

/// A task as a file wants it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Its title.
    pub title: String,
    /// Its description; empty for none.
    pub description: String,
    /// How far it is.
    pub status: Status,
    /// How much it matters.
    pub priority: Priority,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Minutes before that.
    pub reminder: Option<i64>,
    /// Names of its tags.
    pub tags: Vec<String>,
    /// How it comes again.
    pub pattern: Option<RecurrencePattern>,
    /// When it was completed, if the file says so.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Item {
    /// The task, by the rules of `POST /tasks`; what breaks one is left out as far as a task can do without, and named.
    ///
    /// # Errors
    /// Why there is no task.
    pub fn draft(&mut self, id: Uuid, caller: &Caller, now: DateTime<Utc>) -> Result<Task, String> {
        let wanted = self.task.as_mut().map_err(|reason| reason.clone())?;
        fit(wanted, &mut self.lost, now);
        let body = json!({
            "title": wanted.title, "description": wanted.description, "status": wanted.status, "priority": wanted.priority,
            "due_at": wanted.due_at, "reminder_offset_minutes": wanted.reminder, "tag_names": wanted.tags,
            "recurrence_pattern": wanted.pattern,
        });
        let mut task =
            Fields::of(body).and_then(|fields| task::draft(fields, id, caller, now)).map_err(|problem| said(&problem))?;
        if task.completed_at.is_some() {
            task.completed_at = wanted.completed_at.filter(|at| *at <= now).or(task.completed_at);
        }
        Ok(task)
    }
}

/// The broken rules in one sentence.
fn said(problem: &Problem) -> String {
    let each: Vec<String> = problem.errors().iter().map(|error| format!("{} {}", error.field, error.message)).collect();
    each.join("; ")
}

/// Takes from a wanted task what no task can have.
fn fit(wanted: &mut Wanted, lost: &mut Vec<String>, now: DateTime<Utc>) {
    for text in [&mut wanted.title, &mut wanted.description] {
        text.retain(|each| each != '\0');
    }
    wanted.title = wanted.title.split_whitespace().collect::<Vec<_>>().join(" ");
    if wanted.title.is_empty() {
        wanted.title = "(no title)".to_owned();
        lost.push("It had no title.".to_owned());
    }
    if wanted.title.chars().count() > MAX_TITLE {
        lost.push(format!("The title had more than {MAX_TITLE} characters; the whole of it is in the description."));
        wanted.description = format!("{}\n\n{}", wanted.title, wanted.description);
        wanted.title = cut(&wanted.title, MAX_TITLE);
    }
    wanted.description = wanted.description.trim().to_owned();
    if wanted.description.chars().count() > MAX_DESCRIPTION {
        lost.push(format!("The description had more than {MAX_DESCRIPTION} characters; the rest is missing."));
        wanted.description = cut(&wanted.description, MAX_DESCRIPTION);
    }
    let tags = std::mem::take(&mut wanted.tags);
    for tag in tags {
        let name = tag.replace(['\0', ','], " ").trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_TAG || wanted.tags.len() == MAX_TAGS {
            lost.push(format!("The tag {tag:?}: a task has at most {MAX_TAGS}, each of 1 to {MAX_TAG} characters."));
        } else {
            wanted.tags.push(name);
        }
    }
    if wanted.pattern.is_some() && wanted.status == Status::Completed {
        wanted.pattern = None;
        lost.push("It is done, so it does not come again.".to_owned());
    }
    let is_to_come = wanted.due_at.is_some_and(|due_at| due_at > now) && wanted.status != Status::Completed;
    let reminder = wanted.reminder.filter(|minutes| is_to_come && (0..=MAX_OFFSET).contains(minutes));
    if wanted.reminder.is_some() && reminder.is_none() {
        lost.push("Its reminder: one comes up to 365 days before a due time that is still to come.".to_owned());
    }
    wanted.reminder = reminder;
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length - 1).chain(['…']).collect()
}

/// The name under which a thing of another program is known again.
pub fn source(format: Format, name: &str) -> Uuid {
    let format = match format {
        Format::Ics => "ics",
        Format::Todoist => "todoist",
        Format::Taskwarrior => "taskwarrior",
        Format::Json => "json",
    };
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("outrigger:import:{format}:{name}").as_bytes())
}

/// Reads a file.
///
/// # Errors
/// A problem of the body when it is no file of this format, or holds too much.
pub fn read(format: Format, text: &str, reader: Reader) -> Result<Vec<Item>, Problem> {
    let items = match format {
        Format::Ics => ics::read(text, reader),
        Format::Todoist => todoist::read(text, reader),
        Format::Taskwarrior => taskwarrior::read(text, reader),
        Format::Json => Err("is written in this format, but not read".to_owned()),
    };
    let items = items.map_err(|rule| Problem::field("body", rule))?;
    if items.len() > MAX_ITEMS {
        return Err(Problem::field("body", format!("must hold at most {MAX_ITEMS} items, holds {}; divide it", items.len())));
    }
    Ok(items)
}

/// Writes tasks as a file, with its media type and the ending of its name.
///
/// # Errors
/// When a value cannot be written.
pub fn write(format: Format, tasks: &[Task], reader: Reader) -> Result<(String, &'static str, &'static str), Problem> {
    Ok(match format {
        Format::Ics => (ics::write(tasks, reader), "text/calendar; charset=utf-8", "ics"),
        Format::Todoist => (todoist::write(tasks, reader).map_err(Problem::internal)?, "text/csv; charset=utf-8", "csv"),
        Format::Taskwarrior => (taskwarrior::write(tasks).map_err(Problem::internal)?, "application/json", "json"),
        Format::Json => (serde_json::to_string_pretty(tasks).map_err(Problem::internal)?, "application/json", "json"),
    })
}

/// A JSON text of a value; nothing where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
