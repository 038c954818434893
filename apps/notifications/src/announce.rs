//! The events of this app: what the page shows, and how a reminder's delivery ended.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::reminder::ReminderEvent;
use contracts::update::{Change, Notification, UpdateEvent};
use service::event::{About, Origin, Row, row};
use uuid::Uuid;

use crate::channel::Channel;

/// Who is named as the source of every event.
pub const SOURCE: &str = "notifications";

/// The reminder that is being told, and its place in its order.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Which.
    pub reminder_id: Uuid,
    /// Of which task.
    pub task_id: Uuid,
    /// Whom.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// Place of reminder.due; its outcome is the next.
    pub sequence: i64,
}

/// Pages of the person show it.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn shown(told: Told, notification: &Notification, now: DateTime<Utc>) -> sidecar::Result<Row> {
    let about = About { user_id: told.user_id, tenant_id: told.tenant_id, aggregate_id: notification.id, version: 1 };
    let body = UpdateEvent::Update {
        change: Change::Notification,
        task_id: told.task_id,
        version: 0,
        task: None,
        notification: Some(notification.clone()),
    };
    row(&Origin::current(SOURCE), about, body, now)
}

/// All channels are done. Delivered when at least one was served; nobody could be told without any channel.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn ended(told: Told, results: &BTreeMap<Channel, &'static str>, now: DateTime<Utc>) -> sidecar::Result<Row> {
    let channels = results.iter().map(|(channel, result)| (channel.name().to_owned(), (*result).to_owned())).collect();
    let is_delivered = results.values().any(|result| *result == "sent");
    outcome(told, channels, is_delivered, now)
}

/// Both ways a delivery may end, for the statement that finds out which: delivered and failed.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn either_end(told: Told, now: DateTime<Utc>) -> sidecar::Result<(Row, Row)> {
    Ok((outcome(told, BTreeMap::new(), true, now)?, outcome(told, BTreeMap::new(), false, now)?))
}

fn outcome(told: Told, channels: BTreeMap<String, String>, is_delivered: bool, now: DateTime<Utc>) -> sidecar::Result<Row> {
    let Told { reminder_id, task_id, user_id, tenant_id, sequence } = told;
    let about = About { user_id, tenant_id, aggregate_id: reminder_id, version: sequence + 1 };
    let body = if is_delivered {
        ReminderEvent::Delivered { reminder_id, task_id, channels }
    } else {
        ReminderEvent::Failed { reminder_id, task_id, channels }
    };
    row(&Origin::current(SOURCE), about, body, now)
}
