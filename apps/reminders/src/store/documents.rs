//! What the statements are handed: one document each.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service::event::Row;
use uuid::Uuid;

use crate::announce;
use crate::plan::Step;
use crate::reminder::{DeliveryStatus, Reason, Reminder, Schedule, Source, remind_at};

/// For `follow.sql`: a task's new state and what it means for its reminders.
#[derive(Debug, Serialize)]
pub struct Pursuit<'a> {
    event_id: Uuid,
    topic: &'a str,
    #[serde(flatten)]
    after: &'a Schedule,
    expected_revision: i64,
    traceparent: Option<&'a str>,
    correlation_id: &'a str,
    now: DateTime<Utc>,
    cancelled: Vec<Cancelled>,
    restored: Vec<Restored>,
    scheduled: Vec<Scheduled>,
}

/// Of which request a task's event tells.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// The event.
    pub event_id: Uuid,
    /// Where it came from.
    pub topic: &'a str,
    /// The request's span.
    pub traceparent: Option<&'a str>,
    /// The request's id.
    pub correlation_id: &'a str,
}

#[derive(Debug, Serialize)]
struct Cancelled {
    id: Uuid,
    version: i64,
    reason: Reason,
    event: Row,
}

#[derive(Debug, Serialize)]
struct Restored {
    id: Uuid,
    version: i64,
    event: Row,
}

#[derive(Debug, Serialize)]
struct Scheduled {
    id: Uuid,
    offset_minutes: i32,
    remind_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    source: Source,
    event: Row,
}

impl<'a> Pursuit<'a> {
    /// The document of a plan.
    ///
    /// # Errors
    /// When an event cannot be written as JSON.
    pub fn new(
        story: Story<'a>,
        expected_revision: i64,
        after: &'a Schedule,
        reminders: &[Reminder],
        steps: &[Step],
        now: DateTime<Utc>,
    ) -> sidecar::Result<Self> {
        let Story { event_id, topic, traceparent, correlation_id } = story;
        let (mut cancelled, mut restored, mut scheduled) = (Vec::new(), Vec::new(), Vec::new());
        let of = |id: Uuid| reminders.iter().find(|reminder| reminder.id == id);
        for step in steps {
            match *step {
                Step::Cancel { id, reason } => {
                    let Some(reminder) = of(id) else { continue };
                    let event = announce::cancelled(reminder, reason, now)?;
                    cancelled.push(Cancelled { id, version: reminder.version, reason, event });
                }
                Step::Restore { id } => {
                    let Some(reminder) = of(id) else { continue };
                    let again = Reminder { version: reminder.version + 1, ..reminder.clone() };
                    restored.push(Restored { id, version: reminder.version, event: announce::scheduled(&again, now)? });
                }
                Step::Schedule { offset_minutes, source } => {
                    let Some(due_at) = after.due_at else { continue };
                    let reminder = new_reminder(after, due_at, offset_minutes, source, now);
                    let event = announce::scheduled(&reminder, now)?;
                    scheduled.push(Scheduled {
                        id: reminder.id,
                        offset_minutes,
                        remind_at: reminder.remind_at,
                        due_at,
                        source,
                        event,
                    });
                }
            }
        }
        Ok(Self { event_id, topic, after, expected_revision, traceparent, correlation_id, now, cancelled, restored, scheduled })
    }

    /// How many reminders it changes.
    pub fn steps(&self) -> usize {
        self.sets() + self.cancelled.len()
    }

    /// How many reminders it sets.
    pub fn sets(&self) -> usize {
        self.restored.len() + self.scheduled.len()
    }
}

/// A reminder that nobody has yet.
pub fn new_reminder(
    schedule: &Schedule,
    due_at: DateTime<Utc>,
    offset_minutes: i32,
    source: Source,
    now: DateTime<Utc>,
) -> Reminder {
    Reminder {
        id: Uuid::now_v7(),
        task_id: schedule.task_id,
        user_id: schedule.user_id,
        tenant_id: schedule.tenant_id,
        offset_minutes,
        remind_at: remind_at(due_at, offset_minutes),
        due_at,
        source,
        delivery_status: DeliveryStatus::Scheduled,
        cancel_reason: None,
        channel_results: BTreeMap::new(),
        version: 1,
        traceparent: None,
        correlation_id: None,
        created_at: now,
        updated_at: now,
    }
}

/// For `add.sql`: a reminder that its owner adds.
#[derive(Debug, Serialize)]
pub struct Addition<'a> {
    /// Which.
    pub id: Uuid,
    /// The task; kept with version 0 when no event of it came yet.
    #[serde(flatten)]
    pub schedule: &'a Schedule,
    /// When the task is due.
    pub reminder_due_at: DateTime<Utc>,
    /// Minutes before.
    pub reminder_offset: i32,
    /// When the person is to be told.
    pub remind_at: DateTime<Utc>,
    /// The request's span.
    pub traceparent: Option<String>,
    /// The request's id.
    pub correlation_id: String,
    /// When.
    pub now: DateTime<Utc>,
    /// Its event.
    pub event: Row,
    /// What a repeat of the request is answered.
    pub answer: Value,
}

/// For `remove.sql`: a reminder that its owner takes away.
#[derive(Debug, Serialize)]
pub struct Removal {
    /// Which.
    pub id: Uuid,
    /// Of which task.
    pub task_id: Uuid,
    /// The version that was read.
    pub version: i64,
    /// When.
    pub now: DateTime<Utc>,
    /// Its event.
    pub event: Row,
}

/// For `decide.sql`: what becomes of one claimed reminder.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Which.
    pub id: Uuid,
    /// The version that was claimed.
    pub version: i64,
    /// What became of it.
    pub status: DeliveryStatus,
    /// Why it will not fire, when it is cancelled.
    pub reason: Option<Reason>,
    /// Its event.
    pub event: Row,
}

/// For `conclude.sql`: how the delivery of a reminder ended.
#[derive(Debug, Serialize)]
pub struct Outcome<'a> {
    /// The event that says so.
    pub event_id: Uuid,
    /// Where it came from.
    pub topic: &'a str,
    /// Which reminder.
    pub id: Uuid,
    /// Delivered or failed.
    pub status: DeliveryStatus,
    /// Outcome by channel.
    pub channels: &'a BTreeMap<String, String>,
    /// The event's place in the reminder's order.
    pub version: i64,
    /// When.
    pub now: DateTime<Utc>,
}
