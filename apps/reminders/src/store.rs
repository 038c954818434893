//! Every statement, and the only calls to the database.

mod documents;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use service::Database;
use sidecar::{Result, Statement};
use uuid::Uuid;

pub use documents::{Addition, Outcome, Pursuit, Removal, Story, Verdict, new_reminder};

use crate::job::{Name, OutOfStep};
use crate::reminder::{Reminder, Schedule};

/// Violated by the second effect of one event.
pub const PROCESSED: &str = "processed_events_pkey";
/// Violated by a second open reminder with the same offset.
pub const ONCE_OPEN: &str = "reminders_once_open";

const FIND: Statement = Statement::new("reminders.find", include_str!("store/find.sql"));
// Most changes of a task mean nothing for its reminders; planning what would cancel and schedule them takes longer than all the rest.
const NOTE: Statement = Statement::new("reminders.note", concat!(include_str!("store/note.sql"), "select 1 from fresh"));
const FOLLOW: Statement =
    Statement::new("reminders.follow", concat!(include_str!("store/note.sql"), include_str!("store/follow.sql")));
const ADD: Statement = Statement::new("reminders.add", include_str!("store/add.sql"));
const REMOVE: Statement = Statement::new("reminders.remove", include_str!("store/remove.sql"));
const CLAIM: Statement = Statement::new("reminders.claim", include_str!("store/claim.sql"));
const RELEASE: Statement = Statement::new("reminders.release", include_str!("store/release.sql"));
const DECIDE: Statement = Statement::new("reminders.decide", include_str!("store/decide.sql"));
const DECIDED: Statement = Statement::new("reminders.decided", include_str!("store/decided.sql"));
const CONCLUDE: Statement = Statement::new("reminders.conclude", include_str!("store/conclude.sql"));
const OUT_OF_STEP: Statement = Statement::new("reminders.out_of_step", include_str!("store/out_of_step.sql"));
const IN_STEP: Statement = Statement::new("reminders.in_step", include_str!("store/in_step.sql"));
const WAITS: Statement = Statement::new("reminders.waits", include_str!("store/waits.sql"));
const PENDING: Statement = Statement::new("reminders.pending", include_str!("store/pending.sql"));

/// What is known of a task.
#[derive(Clone, Debug, Deserialize)]
pub struct Known {
    /// Whether the event asked about had its effect.
    pub processed: bool,
    /// The task, if any event of it came.
    pub schedule: Option<Schedule>,
    /// Its reminders of any state, the oldest first.
    pub reminders: Vec<Reminder>,
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

    /// The database itself, for stored answers.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A task and its reminders; `event` asks whether that event had its effect.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn find(&self, task_id: Uuid, event: Option<Uuid>) -> Result<Known> {
        self.database.read(&FIND, &json!({ "task_id": task_id, "event_id": event })).await
    }

    /// Follows a change of a task. 0: somebody was faster, read again; otherwise 1 and the number of reminders that were set or cancelled.
    ///
    /// # Errors
    /// As [`Database::write`]; [`PROCESSED`] is violated by a duplicate, [`ONCE_OPEN`] by a lost race.
    pub async fn follow(&self, pursuit: &Pursuit<'_>) -> Result<u64> {
        match pursuit.steps() {
            0 => self.database.write(&NOTE, pursuit).await,
            _ => self.database.write(&FOLLOW, pursuit).await,
        }
    }

    /// Adds a reminder. 0: somebody was faster, read again.
    ///
    /// # Errors
    /// As [`Database::write`]; [`ONCE_OPEN`] is violated when the offset is taken.
    pub async fn add(&self, addition: &Addition<'_>) -> Result<u64> {
        self.database.write(&ADD, addition).await
    }

    /// Takes a scheduled reminder away. 0: somebody was faster, read again.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn remove(&self, removal: &Removal) -> Result<u64> {
        self.database.write(&REMOVE, removal).await
    }

    /// Takes reminders whose time has come, for `worker` and a lease; the oldest first.
    ///
    /// # Errors
    /// As [`Database::read`]. A claim whose answer was lost ends with its lease.
    pub async fn claim(&self, worker: Uuid, now: DateTime<Utc>, batch: usize, lease_seconds: u32) -> Result<Vec<Reminder>> {
        let document = json!({ "worker": worker, "now": now, "batch": batch, "lease_seconds": lease_seconds });
        self.database.read(&CLAIM, &document).await
    }

    /// Gives claimed reminders back.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn release(&self, worker: Uuid, ids: &[Uuid]) -> Result<u64> {
        self.database.write(&RELEASE, &json!({ "worker": worker, "ids": ids })).await
    }

    /// Carries out the verdicts on claimed reminders, with their events; gives the ids of those that still were the worker's.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn decide(&self, worker: Uuid, verdicts: &[Verdict]) -> Result<Vec<Uuid>> {
        let all: Vec<Uuid> = verdicts.iter().map(|verdict| verdict.id).collect();
        let rows = self.database.write(&DECIDE, &json!({ "worker": worker, "verdicts": verdicts })).await?;
        if usize::try_from(rows).is_ok_and(|rows| rows == all.len()) {
            return Ok(all);
        }
        // Somebody cancelled one in this very second: which of them are ours?
        self.database.read(&DECIDED, &json!({ "worker": worker, "ids": all })).await
    }

    /// Notes how the delivery of a reminder ended. 0: noted before.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn conclude(&self, outcome: &Outcome<'_>) -> Result<u64> {
        self.database.write(&CONCLUDE, outcome).await
    }

    /// Takes rows whose job is not as it should be, for a lease; the soonest first.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn out_of_step(&self, batch: usize, lease_seconds: u32) -> Result<Vec<OutOfStep>> {
        self.database.read(&OUT_OF_STEP, &json!({ "batch": batch, "lease_seconds": lease_seconds })).await
    }

    /// Notes that a row's job is as it wanted. 0: another instance noted something else.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn in_step(&self, row: &OutOfStep) -> Result<u64> {
        self.database.write(&IN_STEP, row).await
    }

    /// Whether the version that a job was set for still waits for its time.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn waits(&self, name: Name) -> Result<bool> {
        self.database.read(&WAITS, &json!({ "id": name.id, "version": name.version })).await
    }

    /// How many reminders are scheduled.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn pending(&self) -> Result<i64> {
        self.database.read(&PENDING, &()).await
    }
}
