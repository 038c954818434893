//! The events of reminders: who is told what, and whose story it belongs to.

use chrono::{DateTime, Utc};
use contracts::reminder::ReminderEvent;
use service::event::{About, Origin, Row, row};

use crate::reminder::{Reason, Reminder};

/// Who is named as the source of every event.
pub const SOURCE: &str = "reminders";

/// A reminder was set, or set again.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn scheduled(reminder: &Reminder, now: DateTime<Utc>) -> sidecar::Result<Row> {
    let body = ReminderEvent::Scheduled {
        reminder_id: reminder.id,
        task_id: reminder.task_id,
        remind_at: reminder.remind_at,
        due_at: reminder.due_at,
        offset_minutes: reminder.offset_minutes,
    };
    row(&Origin::current(SOURCE), about(reminder, reminder.version), body, now)
}

/// A reminder will not fire; part of the work in hand.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn cancelled(reminder: &Reminder, reason: Reason, now: DateTime<Utc>) -> sidecar::Result<Row> {
    cancelled_by(&Origin::current(SOURCE), reminder, reason, now)
}

/// A reminder will not fire; part of the story that set it, for no request cancelled it.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn given_up(reminder: &Reminder, reason: Reason, traceparent: Option<String>, now: DateTime<Utc>) -> sidecar::Result<Row> {
    cancelled_by(&origin_of(reminder, traceparent), reminder, reason, now)
}

/// Its time has come.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn due(reminder: &Reminder, title: &str, traceparent: Option<String>, now: DateTime<Utc>) -> sidecar::Result<Row> {
    let body = ReminderEvent::Due {
        reminder_id: reminder.id,
        task_id: reminder.task_id,
        remind_at: reminder.remind_at,
        due_at: reminder.due_at,
        offset_minutes: reminder.offset_minutes,
        title: title.to_owned(),
        lateness_ms: (now - reminder.remind_at).num_milliseconds(),
    };
    row(&origin_of(reminder, traceparent), about(reminder, reminder.version + 1), body, now)
}

fn cancelled_by(origin: &Origin, reminder: &Reminder, reason: Reason, now: DateTime<Utc>) -> sidecar::Result<Row> {
    let body = ReminderEvent::Cancelled { reminder_id: reminder.id, task_id: reminder.task_id, reason: reason.name().to_owned() };
    row(origin, about(reminder, reminder.version + 1), body, now)
}

/// The request that set the reminder: a tick of the clock has no story of its own.
fn origin_of(reminder: &Reminder, traceparent: Option<String>) -> Origin {
    let current = Origin::current(SOURCE);
    Origin {
        correlation_id: reminder.correlation_id.clone().unwrap_or(current.correlation_id),
        causation_id: None,
        traceparent,
        source: SOURCE,
    }
}

fn about(reminder: &Reminder, version: i64) -> About {
    About { user_id: reminder.user_id, tenant_id: reminder.tenant_id, aggregate_id: reminder.id, version }
}
