//! How often an event has failed, and whether it was handled: best effort, in the state store.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sidecar::state::State;

/// Counts and marks live this long: longer than any broker redelivers.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// A slow store must not hold up an event: what it knows is only a shortcut.
const PATIENCE: Duration = Duration::from_millis(500);

/// The failures of one event so far.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the first was.
    pub first_at: DateTime<Utc>,
}

/// The marks of one app.
#[derive(Clone)]
pub struct Attempts {
    state: State,
    app: &'static str,
}

impl Attempts {
    /// Kept in `state` under the app's own keys.
    pub fn new(state: State, app: &'static str) -> Self {
        Self { state, app }
    }

    /// Whether the event is known to be handled. A store that does not answer knows nothing.
    pub async fn is_processed(&self, event_id: &str) -> bool {
        let known = tokio::time::timeout(PATIENCE, self.state.get::<bool>(&self.processed(event_id))).await;
        matches!(known, Ok(Ok(Some(_))))
    }

    /// Notes that the event is handled.
    pub async fn mark_processed(&self, event_id: &str) {
        drop(tokio::time::timeout(PATIENCE, self.state.save(&self.processed(event_id), &true, Some(LIFE))).await);
    }

    /// Forgets both marks: for a replay.
    pub async fn forget(&self, event_id: &str) -> sidecar::Result<()> {
        self.state.delete(&self.processed(event_id), None).await?;
        self.state.delete(&self.failures(event_id), None).await
    }

    /// Counts one more failure.
    ///
    /// # Errors
    /// When the store does not answer: the failure is not counted, and the event comes again.
    pub async fn count(&self, event_id: &str, now: DateTime<Utc>) -> sidecar::Result<Failures> {
        let key = self.failures(event_id);
        let before = self.state.get::<Failures>(&key).await?.map(|stored| stored.value);
        let failures = Failures {
            count: before.map_or(0, |before| before.count) + 1,
            first_at: before.map_or(now, |before| before.first_at),
        };
        self.state.save(&key, &failures, Some(LIFE)).await?;
        Ok(failures)
    }

    fn processed(&self, event_id: &str) -> String {
        format!("processed:{}:{event_id}", self.app)
    }

    fn failures(&self, event_id: &str) -> String {
        format!("attempts:{}:{event_id}", self.app)
    }
}
