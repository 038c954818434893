//! What this app asks tasks: which tasks are open as a reminder expects, and whose a task is.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use http::Method;
use serde::{Deserialize, Serialize};
use service::internal::Internal;
use uuid::Uuid;

/// A task with the due date that a reminder expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Expected {
    /// Which.
    pub id: Uuid,
    /// When it should be due.
    pub due_at: DateTime<Utc>,
}

/// A task that is open with that due date.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Open {
    /// Which.
    pub id: Uuid,
    /// Its title now.
    pub title: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
}

/// Whose a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// Whether the person asked for has such a task.
    pub known: bool,
    /// When it is due.
    #[serde(default)]
    pub due_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Opened {
    open: Vec<Open>,
}

/// The way to tasks.
#[derive(Clone)]
pub struct Tasks {
    internal: Internal,
}

impl Tasks {
    /// Over service invocation.
    pub fn new(internal: Internal) -> Self {
        Self { internal }
    }

    /// Those of the tasks that are open with the due date given.
    ///
    /// # Errors
    /// When tasks did not answer, or not as expected.
    pub async fn open(&self, expected: &BTreeSet<Expected>) -> sidecar::Result<Vec<Open>> {
        if expected.is_empty() {
            return Ok(Vec::new());
        }
        let body = serde_json::json!({ "tasks": expected });
        let answer = self.internal.call("tasks", Method::POST, &["tasks", "open"], Some(&body)).await?;
        answer.accepted()?.json::<Opened>().map(|opened| opened.open)
    }

    /// Whether the task is this person's, and when it is due.
    ///
    /// # Errors
    /// When tasks did not answer, or not as expected.
    pub async fn owner(&self, id: Uuid, user_id: Uuid) -> sidecar::Result<Owner> {
        let body = serde_json::json!({ "id": id, "user_id": user_id });
        let answer = self.internal.call("tasks", Method::POST, &["tasks", "owner"], Some(&body)).await?;
        answer.accepted()?.json()
    }
}
