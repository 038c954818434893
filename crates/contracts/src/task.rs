//! Tasks as others see them, and the events of `task-events`.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::Topic;
use crate::topic;

/// The header in which the gateway hands on the key of a calendar feed, which its client writes into the query: a sidecar puts the whole address of
/// a call into its span, and no header.
pub const FEED_KEY: &str = "x-feed-key";

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    #[default]
    Todo,
    /// Begun.
    InProgress,
    /// Done; has a `completed_at`.
    Completed,
}

/// How much a task matters. Orders as written here, not by letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Can wait.
    Low,
    /// Neither.
    #[default]
    Medium,
    /// Matters most.
    High,
}

/// How a task comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecurrencePattern {
    /// `daily`, `weekly`, `monthly` or `yearly`.
    pub pattern_type: PatternType,
    /// Every n-th day, week, month or year; 1-365.
    pub interval: u16,
    /// For weekly only: `MO` to `SU`, none twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_of_week: Option<Vec<DayOfWeek>>,
    /// For monthly only: 1-31; in a shorter month its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<u8>,
    /// When the series ends.
    pub end_type: EndType,
    /// With `after_occurrences`: how many instances in all, the first included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_after_occurrences: Option<u32>,
    /// With `by_date`: the last date that counts, in the user's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_by_date: Option<NaiveDate>,
    /// The first due time on the owner's wall clock, from which every date is counted. Set by the app, not by requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only, value_type = Option<String>, example = "2031-03-01T14:00:00")]
    pub anchor_local: Option<NaiveDateTime>,
    /// The zone of that wall clock, an IANA name: the owner's when the pattern was set. Set by the app, not by requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub timezone: Option<String>,
}

/// Unit of a recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatternType {
    /// By day.
    Daily,
    /// By week, on chosen days.
    Weekly,
    /// By month.
    Monthly,
    /// By year.
    Yearly,
}

/// A weekday as RFC 5545 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DayOfWeek {
    /// Monday.
    Mo,
    /// Tuesday.
    Tu,
    /// Wednesday.
    We,
    /// Thursday.
    Th,
    /// Friday.
    Fr,
    /// Saturday.
    Sa,
    /// Sunday.
    Su,
}

/// How a series ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndType {
    /// It does not.
    Never,
    /// After a number of instances.
    AfterOccurrences,
    /// After a date.
    ByDate,
}

/// A task, whole: the answer of the API and the snapshot in events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// UUID v7 made by the app, so that ids sort by creation.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The tenant the owner belongs to.
    pub tenant_id: Uuid,
    /// 1-200 characters.
    pub title: String,
    /// Up to 10,000 characters.
    pub description: Option<String>,
    /// How far it is.
    pub status: Status,
    /// How much it matters.
    pub priority: Priority,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Minutes before `due_at` at which the owner wants to be told; 0-525,600.
    pub reminder_offset_minutes: Option<i32>,
    /// Names of its tags, in order of name.
    pub tags: Vec<String>,
    /// How it comes again, if it does.
    pub recurrence_pattern: Option<RecurrencePattern>,
    /// The series of a recurring task.
    pub series_id: Option<Uuid>,
    /// Number within the series, from 1.
    pub occurrence: Option<i32>,
    /// Whether the series has come to its end.
    pub recurrence_ended: bool,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// Moves with every change, from 1; what `If-Match` names.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What tasks answers when it was asked for the next instance of a completed task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// The next instance.
    pub id: Uuid,
}

/// The events of `task-events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
pub enum TaskEvent {
    /// A task was made.
    #[serde(rename = "task.created")]
    Created {
        /// Which.
        task_id: Uuid,
        /// After the change.
        task_snapshot: Task,
    },
    /// A task was changed.
    #[serde(rename = "task.updated")]
    Updated {
        /// Which.
        task_id: Uuid,
        /// After the change.
        task_snapshot: Task,
        /// Names of the fields that changed.
        changed_fields: Vec<String>,
        /// Their values before.
        previous: serde_json::Map<String, serde_json::Value>,
    },
    /// A task was completed.
    #[serde(rename = "task.completed")]
    Completed {
        /// Which.
        task_id: Uuid,
        /// After the change.
        task_snapshot: Task,
        /// When.
        completed_at: DateTime<Utc>,
    },
    /// A task was deleted.
    #[serde(rename = "task.deleted")]
    Deleted {
        /// Which.
        task_id: Uuid,
        /// Before the change.
        task_snapshot: Task,
    },
    /// A completed instance of a series got its successor.
    #[serde(rename = "task.recurred")]
    Recurred {
        /// The series.
        series_id: Uuid,
        /// The completed instance.
        completed_task_id: Uuid,
        /// The new instance.
        new_task_id: Uuid,
        /// Number of the new instance.
        occurrence: i32,
        /// When the new instance is due.
        due_at: DateTime<Utc>,
    },
    /// A type this version does not know; acknowledged without effect.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl TaskEvent {
    /// The task as the event shows it.
    pub fn snapshot(&self) -> Option<&Task> {
        match self {
            Self::Created { task_snapshot, .. }
            | Self::Updated { task_snapshot, .. }
            | Self::Completed { task_snapshot, .. }
            | Self::Deleted { task_snapshot, .. } => Some(task_snapshot),
            Self::Recurred { .. } | Self::Unknown => None,
        }
    }
}

impl Topic for TaskEvent {
    const TOPIC: &'static str = topic::TASK_EVENTS;
    const AGGREGATE: &'static str = "task";

    fn event_type(&self) -> &'static str {
        match self {
            Self::Created { .. } => "task.created",
            Self::Updated { .. } => "task.updated",
            Self::Completed { .. } => "task.completed",
            Self::Deleted { .. } => "task.deleted",
            Self::Recurred { .. } => "task.recurred",
            Self::Unknown => "unknown",
        }
    }
}
