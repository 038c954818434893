//! What this app asks tasks: to make the next instance, or to end the series.

use chrono::{DateTime, Utc};
use contracts::task::{Successor, Task};
use http::{Method, StatusCode};
use serde_json::json;
use service::internal::Internal;
use uuid::Uuid;

/// What tasks did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It made this task.
    New(Uuid),
    /// It had made this task before.
    Known(Uuid),
    /// Nothing follows.
    None,
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

    /// Has the instance after `done` made, due at `due_at`; without a date, has the series ended.
    ///
    /// # Errors
    /// When tasks did not answer, or not as expected.
    pub async fn succeed(&self, done: &Task, due_at: Option<DateTime<Utc>>) -> sidecar::Result<Made> {
        let body = json!({ "user_id": done.user_id, "due_at": due_at });
        let id = done.id.to_string();
        let answer = self.internal.call("tasks", Method::POST, &["tasks", &id, "successor"], Some(&body)).await?.accepted()?;
        Ok(match answer.status {
            StatusCode::CREATED => Made::New(answer.json::<Successor>()?.id),
            StatusCode::NO_CONTENT => Made::None,
            _ => Made::Known(answer.json::<Successor>()?.id),
        })
    }
}
