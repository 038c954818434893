//! The events of `reminders`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Topic;
use crate::topic;

/// What became of a reminder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
pub enum ReminderEvent {
    /// A reminder was set.
    #[serde(rename = "reminder.scheduled")]
    Scheduled {
        /// Which.
        reminder_id: Uuid,
        /// For which task.
        task_id: Uuid,
        /// When the person is to be told.
        remind_at: DateTime<Utc>,
        /// When the task is due.
        due_at: DateTime<Utc>,
        /// Minutes between the two.
        offset_minutes: i32,
    },
    /// Its time has come: tell the person.
    #[serde(rename = "reminder.due")]
    Due {
        /// Which.
        reminder_id: Uuid,
        /// For which task.
        task_id: Uuid,
        /// When the person was to be told.
        remind_at: DateTime<Utc>,
        /// When the task is due.
        due_at: DateTime<Utc>,
        /// Minutes between the two.
        offset_minutes: i32,
        /// Title of the task.
        title: String,
        /// How late the trigger was.
        lateness_ms: i64,
    },
    /// It will not fire.
    #[serde(rename = "reminder.cancelled")]
    Cancelled {
        /// Which.
        reminder_id: Uuid,
        /// For which task.
        task_id: Uuid,
        /// Why: `completed`, `deleted`, `moved`, `cleared`, `removed`, `expired`, or `stale`: tasks no longer had it open with that due date.
        reason: String,
    },
    /// The person was told on at least one channel.
    #[serde(rename = "reminder.delivered")]
    Delivered {
        /// Which.
        reminder_id: Uuid,
        /// For which task.
        task_id: Uuid,
        /// Outcome by channel: `sent`, or why not.
        channels: BTreeMap<String, String>,
    },
    /// The person could be told on no channel.
    #[serde(rename = "reminder.failed")]
    Failed {
        /// Which.
        reminder_id: Uuid,
        /// For which task.
        task_id: Uuid,
        /// Outcome by channel.
        channels: BTreeMap<String, String>,
    },
    /// A type this version does not know; acknowledged without effect.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Topic for ReminderEvent {
    const TOPIC: &'static str = topic::REMINDERS;
    const AGGREGATE: &'static str = "reminder";

    fn event_type(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "reminder.scheduled",
            Self::Due { .. } => "reminder.due",
            Self::Cancelled { .. } => "reminder.cancelled",
            Self::Delivered { .. } => "reminder.delivered",
            Self::Failed { .. } => "reminder.failed",
            Self::Unknown => "unknown",
        }
    }
}
