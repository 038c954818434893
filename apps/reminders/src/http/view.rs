//! A reminder as the API shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::reminder::{DeliveryStatus, Reminder};

/// A reminder.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Reminder)]
pub struct ReminderView {
    /// Which.
    pub id: Uuid,
    /// Of which task.
    pub task_id: Uuid,
    /// When the person is to be told.
    pub remind_at: DateTime<Utc>,
    /// When the task is due, as of when this was set.
    pub due_at: DateTime<Utc>,
    /// Minutes between the two.
    pub offset_minutes: i32,
    /// What became of it.
    pub delivery_status: DeliveryStatus,
    /// Outcome by channel: `sent`, or why not.
    pub channel_results: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Reminder> for ReminderView {
    fn from(reminder: Reminder) -> Self {
        let Reminder {
            id,
            task_id,
            remind_at,
            due_at,
            offset_minutes,
            delivery_status,
            channel_results,
            created_at,
            updated_at,
            ..
        } = reminder;
        Self { id, task_id, remind_at, due_at, offset_minutes, delivery_status, channel_results, created_at, updated_at }
    }
}
