//! The nouns: a task as this app knows it, and a reminder of it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::Event;
use contracts::task::{self, TaskEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::fields::{Ruled, integer};
use utoipa::ToSchema;
use uuid::Uuid;

/// Most minutes between a reminder and its task: a year.
pub const MAX_OFFSET: i64 = 525_600;

/// How far a task is, as far as reminders care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// To be done.
    Open,
    /// Done.
    Completed,
    /// Gone; its row is a tombstone.
    Deleted,
}

/// A task as its newest event showed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Which task.
    pub task_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// Its title.
    pub title: String,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// The task's own reminder, minutes before.
    pub offset_minutes: Option<i32>,
    /// How far it is.
    pub status: TaskStatus,
    /// Version of the task; 0 until its first event came.
    pub version: i64,
    /// What a plan is made from; 0 for a task without a row.
    #[serde(default)]
    pub revision: i64,
}

impl Schedule {
    /// What an event says of its task; nothing for events that are not about one task.
    pub fn of(event: &Event<TaskEvent>) -> Option<Self> {
        let task = event.body.snapshot()?;
        let status = match event.body {
            TaskEvent::Deleted { .. } => TaskStatus::Deleted,
            _ if task.status == task::Status::Completed => TaskStatus::Completed,
            _ => TaskStatus::Open,
        };
        Some(Self {
            task_id: task.id,
            user_id: event.metadata.user_id,
            tenant_id: event.metadata.tenant_id,
            title: task.title.clone(),
            due_at: task.due_at,
            offset_minutes: task.reminder_offset_minutes,
            status,
            // The snapshot of a deleted task is the one before; the sequence always is the version after.
            version: event.metadata.sequence,
            revision: 0,
        })
    }
}

/// What became of a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Its time is still to come.
    Scheduled,
    /// Its time came; the person is being told.
    Triggered,
    /// The person was told on at least one channel.
    Delivered,
    /// The person could be told on no channel.
    Failed,
    /// It will not fire.
    Cancelled,
    /// Nobody could fire it until a day after the task was due.
    Expired,
}

/// Why a reminder will not fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The task was completed.
    Completed,
    /// The task was deleted.
    Deleted,
    /// It has another time now; a new one stands in its place.
    Moved,
    /// The task has no due date, or no reminder of its own, any more.
    Cleared,
    /// Its owner took it away.
    Removed,
    /// The task has been over for a day.
    Expired,
    /// When its time came, tasks no longer had the task open with that due date; its event was still on the way.
    Stale,
}

impl Reason {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Deleted => "deleted",
            Self::Moved => "moved",
            Self::Cleared => "cleared",
            Self::Removed => "removed",
            Self::Expired => "expired",
            Self::Stale => "stale",
        }
    }
}

/// Who set a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The task's own: follows its `reminder_offset_minutes`.
    Task,
    /// Its owner, beside the task's own.
    Person,
}

/// A reminder, whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reminder {
    /// Which.
    pub id: Uuid,
    /// Of which task.
    pub task_id: Uuid,
    /// Whom it is for.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// Minutes before the task is due.
    pub offset_minutes: i32,
    /// When the person is to be told.
    pub remind_at: DateTime<Utc>,
    /// When the task is due, as of when this was set.
    pub due_at: DateTime<Utc>,
    /// Who set it.
    pub source: Source,
    /// What became of it.
    pub delivery_status: DeliveryStatus,
    /// Why it will not fire.
    pub cancel_reason: Option<Reason>,
    /// Outcome by channel: `sent`, or why not.
    pub channel_results: BTreeMap<String, String>,
    /// Moves with every change, from 1.
    pub version: i64,
    /// The span that set it.
    pub traceparent: Option<String>,
    /// The request that set it.
    pub correlation_id: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// When the person is to be told.
pub fn remind_at(due_at: DateTime<Utc>, offset_minutes: i32) -> DateTime<Utc> {
    due_at.checked_sub_signed(TimeDelta::minutes(offset_minutes.into())).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Minutes before the due date.
///
/// # Errors
/// The rule.
pub fn offset(value: &Value) -> Ruled<i32> {
    integer(value, 0, MAX_OFFSET).map(|minutes| i32::try_from(minutes).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_offset_is_at_most_a_year() {
        assert_eq!(offset(&json!(0)), Ok(0));
        assert_eq!(offset(&json!(525_600)), Ok(525_600));
        for wrong in [json!(-1), json!(525_601), json!(1.5), json!("soon"), json!(true)] {
            assert!(offset(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reasons_are_written_as_they_are_named() {
        for reason in
            [Reason::Completed, Reason::Deleted, Reason::Moved, Reason::Cleared, Reason::Removed, Reason::Expired, Reason::Stale]
        {
            assert_eq!(json!(reason), json!(reason.name()));
        }
    }
}
