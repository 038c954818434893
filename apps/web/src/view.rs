//! A task and its kin as templates show them: words, local times, nothing left to decide.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::{Priority, Status, Task};
use contracts::update::Notification;
use serde::Deserialize;
use uuid::Uuid;

use crate::{due, reminder, repeat, zone};

/// A moment, for `<time>`.
#[derive(Clone, Debug)]
pub struct Moment {
    /// For programs.
    pub iso: String,
    /// In full, with its zone.
    pub full: String,
    /// In short.
    pub short: String,
}

impl Moment {
    /// In a person's zone.
    pub fn of(at: DateTime<Utc>, zone: Tz, now: DateTime<Utc>) -> Self {
        Self { iso: zone::iso(at), full: zone::full(at, zone), short: zone::short(at, zone, now) }
    }
}

/// The due badge.
#[derive(Clone, Debug)]
pub struct Due {
    /// When.
    pub at: Moment,
    /// What it says.
    pub words: String,
    /// What its look goes by.
    pub state: &'static str,
}

/// A task in a list or on its own page.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which.
    pub id: Uuid,
    /// As typed.
    pub title: String,
    /// As typed.
    pub description: String,
    /// `todo`, `in_progress` or `completed`.
    pub status: &'static str,
    /// Whether it is completed.
    pub done: bool,
    /// `high`, `medium` or `low`.
    pub priority: &'static str,
    /// The same as a word to read.
    pub priority_word: &'static str,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it is due; none when it is completed.
    pub due: Option<Due>,
    /// When it was completed.
    pub completed: Option<Moment>,
    /// How it comes again, if it does.
    pub repeats: Option<String>,
    /// Whether it is one of a series, which has a history.
    pub is_recurring: bool,
    /// How long before it is due its owner is told, if they are.
    pub reminder: Option<String>,
    /// Of the state that is shown.
    pub version: i64,
    /// When it was made.
    pub created: Moment,
}

/// The API's word for a priority.
pub fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "high",
        Priority::Medium => "medium",
        Priority::Low => "low",
    }
}

/// The API's word for a status.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Todo => "todo",
        Status::InProgress => "in_progress",
        Status::Completed => "completed",
    }
}

impl Row {
    /// For a person in `zone`.
    pub fn of(task: &Task, zone: Tz, now: DateTime<Utc>) -> Self {
        let done = task.status == Status::Completed;
        let badge = |at| Due { at: Moment::of(at, zone, now), words: due::words(at, now), state: due::state(at, now) };
        Self {
            id: task.id,
            title: task.title.clone(),
            description: task.description.clone().unwrap_or_default(),
            status: status(task.status),
            done,
            priority: priority(task.priority),
            priority_word: match task.priority {
                Priority::High => "High",
                Priority::Medium => "Medium",
                Priority::Low => "Low",
            },
            tags: task.tags.clone(),
            due: task.due_at.filter(|_| !done).map(badge),
            completed: task.completed_at.map(|at| Moment::of(at, zone, now)),
            repeats: task.recurrence_pattern.as_ref().filter(|_| !task.recurrence_ended).map(repeat::words),
            is_recurring: task.series_id.is_some(),
            reminder: task.reminder_offset_minutes.map(reminder::words),
            version: task.version,
            created: Moment::of(task.created_at, zone, now),
        }
    }
}

/// A reminder as the API answers it.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiReminder {
    id: Uuid,
    remind_at: DateTime<Utc>,
    offset_minutes: i32,
    delivery_status: String,
    #[serde(default)]
    channel_results: Option<BTreeMap<String, serde_json::Value>>,
}

/// The reminders of a task: some versions of the API wrap the list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ApiReminders {
    /// As `items`.
    Wrapped {
        /// Soonest first.
        items: Vec<ApiReminder>,
    },
    /// As it is.
    Bare(Vec<ApiReminder>),
}

/// A reminder on the page of its task.
#[derive(Clone, Debug)]
pub struct Reminder {
    /// Which.
    pub id: Uuid,
    /// When the person is told.
    pub at: Moment,
    /// How long before the due time, in words.
    pub words: String,
    /// How long before the due time.
    pub offset_minutes: i32,
    /// The API's word for how far it is.
    pub status: String,
    /// The same to read.
    pub status_words: String,
    /// Whether it has still to come.
    pub open: bool,
}

impl Reminder {
    /// For a person in `zone`.
    pub fn all(api: ApiReminders, zone: Tz, now: DateTime<Utc>) -> Vec<Self> {
        let (ApiReminders::Wrapped { items } | ApiReminders::Bare(items)) = api;
        items.into_iter().map(|item| Self::of(item, zone, now)).collect()
    }

    fn of(item: ApiReminder, zone: Tz, now: DateTime<Utc>) -> Self {
        let channels: Vec<String> =
            item.channel_results.unwrap_or_default().into_keys().map(|name| name.replace('_', "-")).collect();
        let by = if channels.is_empty() { String::new() } else { format!(" ({})", channels.join(", ")) };
        let status_words = match item.delivery_status.as_str() {
            "scheduled" => "Scheduled".to_owned(),
            "triggered" => "Being delivered".to_owned(),
            "delivered" => format!("Delivered{by}"),
            "failed" => format!("Could not be delivered{by}"),
            "cancelled" => "Cancelled".to_owned(),
            "expired" => "Expired, not sent".to_owned(),
            other => other.replace('_', " "),
        };
        Self {
            id: item.id,
            at: Moment::of(item.remind_at, zone, now),
            words: reminder::words(item.offset_minutes),
            offset_minutes: item.offset_minutes,
            open: item.delivery_status == "scheduled",
            status: item.delivery_status,
            status_words,
        }
    }
}

/// The notifications as the API answers them.
#[derive(Debug, Deserialize)]
pub struct ApiNotifications {
    /// Newest first.
    pub items: Vec<Notification>,
    /// In all pages.
    #[serde(default)]
    pub unread_count: i64,
    /// Whether there are older ones.
    #[serde(default)]
    pub has_more: bool,
}

/// A notification on its page.
#[derive(Clone, Debug)]
pub struct Note {
    /// Which.
    pub id: Uuid,
    /// The task it tells of.
    pub task_id: Uuid,
    /// Title of the task, as typed.
    pub title: String,
    /// One sentence.
    pub body: String,
    /// When it came.
    pub at: Moment,
    /// Whether it is unread.
    pub unread: bool,
}

impl Note {
    /// For a person in `zone`.
    pub fn of(item: Notification, zone: Tz, now: DateTime<Utc>) -> Self {
        Self {
            id: item.id,
            task_id: item.task_id,
            title: item.title,
            body: item.body,
            at: Moment::of(item.created_at, zone, now),
            unread: item.read_at.is_none(),
        }
    }
}
