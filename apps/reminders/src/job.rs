//! Each reminder as a job of Dapr's scheduler, beside the clock.
//!
//! Which jobs stand is derived from the rows: a loop brings one in step with the other until they are, so neither a crash nor a scheduler
//! that is away loses a job. A job bears the version of its reminder in its name; what is late to delete one cannot hit the next. A job
//! that nobody deleted finds nothing due and does nothing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidecar::Sidecar;
use sidecar::job::Job;
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::store::Store;
use crate::trigger::Trigger;

/// How often the rows are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Rows of one look, whose jobs are set side by side.
const BATCH: usize = 50;
/// How long a row is one instance's: longer than its two calls to the scheduler may take (6 s each). What failed is tried again after it.
const LEASE_SECONDS: u32 = 15;
/// How often, and how far apart, a call looks whether its reminder still waits: another instance may be about to fire it.
const LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A job's name: the reminder and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The reminder.
    pub id: Uuid,
    /// The version that was scheduled.
    pub version: i64,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.version)
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, version) = text.split_once('.').ok_or(())?;
        Ok(Self { id: id.parse().map_err(drop)?, version: version.parse().map_err(drop)? })
    }
}

/// A row whose job is not as it should be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OutOfStep {
    /// The reminder.
    id: Uuid,
    /// Its time.
    remind_at: DateTime<Utc>,
    /// The version whose job stands, if one does.
    stands: Option<i64>,
    /// The version whose job is to stand, if one is.
    wanted: Option<i64>,
}

/// Brings the scheduler's jobs in step with the rows.
pub struct Registrar {
    /// Every statement.
    pub store: Store,
    /// The way to the scheduler.
    pub sidecar: Sidecar,
}

impl Registrar {
    /// Runs until `stop`.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.pass().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "jobs could not be brought in step with reminders; it is tried again"),
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One look; true when there may be more to do.
    async fn pass(&self) -> sidecar::Result<bool> {
        let rows = self.store.out_of_step(BATCH, LEASE_SECONDS).await?;
        for result in join_all(rows.iter().map(|row| self.bring_in_step(row))).await {
            result?;
        }
        Ok(rows.len() == BATCH)
    }

    /// First the scheduler, then the row: what dies in between is done again.
    async fn bring_in_step(&self, row: &OutOfStep) -> sidecar::Result<()> {
        if let Some(version) = row.stands {
            self.sidecar.delete_job(&Name { id: row.id, version }.to_string()).await?;
        }
        if let Some(version) = row.wanted {
            let due = row.remind_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            self.sidecar.schedule_job(&Name { id: row.id, version }.to_string(), &Job::once(due, Value::Null)).await?;
        }
        self.store.in_step(row).await?;
        Ok(())
    }
}

/// What a job's call does: the same claim as a tick of the clock. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    trigger: Trigger,
    /// One tick of this instance at a time: when a thousand jobs are due and tasks cannot answer, a thousand calls ask it once.
    ticking: Arc<Mutex<()>>,
}

impl Calls {
    /// With nobody calling yet.
    pub fn new(trigger: Trigger) -> Self {
        Self { trigger, ticking: Arc::default() }
    }

    /// Fires whatever is due; false when the job's own reminder waits all the same, and the scheduler has to call again: whoever took it
    /// may have died, or tasks could not answer.
    ///
    /// # Errors
    /// When the database did not answer.
    pub async fn call(&self, name: Name) -> sidecar::Result<bool> {
        if !self.trigger.store.waits(name).await? {
            return Ok(true);
        }
        match self.ticking.try_lock() {
            Ok(_ticking) => {
                self.trigger.tick().await?;
            }
            Err(_) => drop(self.ticking.lock().await),
        }
        for _ in 0..LOOKS {
            if !self.trigger.store.waits(name).await? {
                return Ok(true);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written_and_others_are_none_of_ours() {
        let name = Name { id: Uuid::from_u128(7), version: 3 };
        assert_eq!(name.to_string().parse(), Ok(name));
        for other in ["", "reminder-trigger", "00000000-0000-0000-0000-000000000007", "00000000-0000-0000-0000-000000000007.x"] {
            assert_eq!(other.parse::<Name>(), Err(()), "{other}");
        }
    }
}
