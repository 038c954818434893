//! What open pages are told: the events of `task-updates` and the frames on the socket.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::Topic;
use crate::task::Task;
use crate::topic;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A task was made.
    Created,
    /// A task was changed.
    Updated,
    /// A task was completed.
    Completed,
    /// A task was deleted.
    Deleted,
    /// A recurring task came again.
    Recurred,
    /// There is an in-app notification.
    Notification,
}

/// An in-app notification as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Which.
    pub id: Uuid,
    /// The reminder it tells of.
    pub reminder_id: Uuid,
    /// The task it tells of.
    pub task_id: Uuid,
    /// Title of the task, as typed: escape it where it is shown.
    pub title: String,
    /// One sentence with the due time in the person's zone.
    pub body: String,
    /// When it was read, if it was.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The events of `task-updates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
pub enum UpdateEvent {
    /// Something the owner may see has changed.
    #[serde(rename = "task.update")]
    Update {
        /// What happened.
        change: Change,
        /// To which task.
        task_id: Uuid,
        /// Version of the task; 0 for a notification.
        version: i64,
        /// The task after the change; absent for deleted and for notifications.
        #[serde(default)]
        task: Option<Box<Task>>,
        /// With `notification`: what to show.
        #[serde(default)]
        notification: Option<Notification>,
    },
    /// A type this version does not know; acknowledged without effect.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Topic for UpdateEvent {
    const TOPIC: &'static str = topic::TASK_UPDATES;
    const AGGREGATE: &'static str = "task";

    fn event_type(&self) -> &'static str {
        match self {
            Self::Update { .. } => "task.update",
            Self::Unknown => "unknown",
        }
    }
}
