//! Every statement, and the only calls to the database.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::update::Notification;
use contracts::user::User;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Database;
use service::event::Row;
use sidecar::{Result, Statement};
use uuid::Uuid;

use crate::channel::{Channel, Settings};

const FOLLOW: Statement = Statement::new("notifications.follow", include_str!("store/follow.sql"));
const SETTINGS: Statement = Statement::new("notifications.settings", include_str!("store/settings.sql"));
const TELL: Statement = Statement::new("notifications.tell", include_str!("store/tell.sql"));
const TO_SEND: Statement = Statement::new("notifications.to_send", include_str!("store/to_send.sql"));
const BEGIN: Statement = Statement::new("notifications.begin", include_str!("store/begin.sql"));
const SETTLE: Statement = Statement::new("notifications.settle", include_str!("store/settle.sql"));
const LIST: Statement = Statement::new("notifications.list", include_str!("store/list.sql"));
const READ_UNTIL: Statement = Statement::new("notifications.read_until", include_str!("store/read_until.sql"));
const READ: Statement = Statement::new("notifications.read", include_str!("store/read.sql"));

/// How long an attempt that says nothing is taken to be under way: more than a call to the sidecar may take, twice.
const LEASE: Duration = Duration::from_secs(20);

/// For `tell.sql`: a reminder, told on each channel that is on.
#[derive(Debug, Serialize)]
pub struct Telling<'a> {
    /// The event that asks for it.
    pub event_id: Uuid,
    /// Where it came from.
    pub topic: &'a str,
    /// Which reminder.
    pub reminder_id: Uuid,
    /// Of which task.
    pub task_id: Uuid,
    /// Whom to tell.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// When they were to be told.
    pub remind_at: DateTime<Utc>,
    /// The event's place in the reminder's order.
    pub sequence: i64,
    /// Channels that are still to be served.
    pub open_channels: usize,
    /// What became of the others.
    pub results: BTreeMap<Channel, &'static str>,
    /// The span that handles the event.
    pub traceparent: Option<String>,
    /// The request that set the reminder.
    pub correlation_id: String,
    /// When.
    pub now: DateTime<Utc>,
    /// One row a channel.
    pub notifications: Vec<New>,
    /// For the page; and the outcome when no channel is open.
    pub events: Vec<Row>,
}

/// A notification to be written.
#[derive(Debug, Serialize)]
pub struct New {
    /// Which.
    pub id: Uuid,
    /// On which channel.
    pub channel: Channel,
    /// Where it leads.
    pub recipient: Option<String>,
    /// The task's title.
    pub title: String,
    /// One sentence.
    pub body: String,
    /// `pending`, `sent` or `failed`.
    pub status: &'static str,
    /// Why it failed at once.
    pub last_error: Option<&'static str>,
}

/// A message that waits to be sent.
#[derive(Clone, Debug, Deserialize)]
pub struct Waiting {
    /// Which.
    pub id: Uuid,
    /// The reminder it tells of.
    pub reminder_id: Uuid,
    /// The task it tells of.
    pub task_id: Uuid,
    /// Whom it is for.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// On which channel.
    pub channel: Channel,
    /// Where it goes.
    pub recipient: String,
    /// The task's title.
    pub title: String,
    /// One sentence.
    pub body: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the person was to be told.
    pub remind_at: DateTime<Utc>,
    /// Place of reminder.due in the reminder's order.
    pub sequence: i64,
    /// The event that asked for it.
    pub event_id: Uuid,
    /// The span that handled it.
    pub traceparent: Option<String>,
    /// The request that set the reminder.
    pub correlation_id: String,
}

/// For `settle.sql`: how an attempt ended.
#[derive(Debug, Serialize)]
pub struct Settlement {
    /// Which notification.
    pub id: Uuid,
    /// Which attempt.
    pub attempt: i32,
    /// `sent`, `failed` or `refused`.
    pub outcome: &'static str,
    /// Whether there will be no other attempt.
    pub is_final: bool,
    /// For the record.
    pub error: Option<String>,
    /// Until the next attempt.
    pub wait_seconds: f64,
    /// When.
    pub now: DateTime<Utc>,
    /// The event if any channel was served, should this be the last one; its channels are filled in by the statement.
    pub delivered: Row,
    /// The event if none was.
    pub failed: Row,
}

/// One page of what a person was told in the page.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The items, newest first.
    pub items: Vec<Notification>,
    /// Items in all pages.
    pub total: i64,
    /// How many are unread, whatever the page.
    pub unread_count: i64,
}

/// The statements.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

impl Store {
    /// On the app's own schema.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Takes over how a person wants to be told; an older version changes nothing. 0: had its effect before.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn follow(&self, event_id: Uuid, topic: &str, user: &User, now: DateTime<Utc>) -> Result<u64> {
        let Settings { email, phone, timezone, in_app, by_email, by_sms } = Settings::of(user);
        let document = json!({
            "event_id": event_id, "topic": topic, "user_id": user.id, "tenant_id": user.tenant_id, "email": email, "phone": phone, "timezone": timezone,
            "in_app": in_app, "by_email": by_email, "by_sms": by_sms, "version": user.version, "now": now,
        });
        self.database.write(&FOLLOW, &document).await
    }

    /// How a person wants to be told, if that is known.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn settings(&self, user_id: Uuid) -> Result<Option<Settings>> {
        self.database.read(&SETTINGS, &json!({ "user_id": user_id })).await
    }

    /// Writes a reminder down for each channel. 0: had its effect before.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn tell(&self, telling: &Telling<'_>) -> Result<u64> {
        self.database.write(&TELL, telling).await
    }

    /// Messages of a channel that wait to be sent now, the oldest first.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn to_send(&self, channel: Channel, limit: usize) -> Result<Vec<Waiting>> {
        self.database.read(&TO_SEND, &json!({ "channel": channel, "limit": limit })).await
    }

    /// Records an attempt before it is made. 0: another instance makes it.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn begin(&self, waiting: &Waiting, worker: Uuid) -> Result<u64> {
        let document =
            json!({ "id": waiting.id, "attempts": waiting.attempts, "worker": worker, "lease_seconds": LEASE.as_secs() });
        self.database.write(&BEGIN, &document).await
    }

    /// Records how an attempt ended; with the reminder's last channel also the reminder's outcome. 0: it was settled before.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn settle(&self, settlement: &Settlement) -> Result<u64> {
        self.database.write(&SETTLE, settlement).await
    }

    /// What a person was told in the page.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn list(&self, user_id: Uuid, unread: bool, limit: i64, offset: i64) -> Result<Listed> {
        self.database.read(&LIST, &json!({ "user_id": user_id, "unread": unread, "limit": limit, "offset": offset })).await
    }

    /// Marks a notification read. 0: the person has no such notification.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn read(&self, user_id: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<u64> {
        self.database.write(&READ, &json!({ "user_id": user_id, "id": id, "now": now })).await
    }

    /// Marks everything read that a person was told up to a moment. How many were unread.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn read_until(&self, user_id: Uuid, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        self.database.write(&READ_UNTIL, &json!({ "user_id": user_id, "until": until, "now": now })).await
    }
}
