//! The app's own schema, behind its `database-<app>` binding. A change wakes the relay.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sidecar::{Sidecar, Sql, Statement};
use tokio::sync::Notify;

/// What a statement calls to put its events into the outbox.
const ENQUEUE: &str = "enqueue(";

/// One app's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    sql: Sql,
    changed: Arc<Notify>,
}

impl Database {
    /// The database of `app`.
    pub fn of(sidecar: &Sidecar, app: &str) -> Self {
        Self { sql: sidecar.sql(format!("database-{app}")), changed: Arc::default() }
    }

    /// A read: one statement, one row, one JSON text.
    ///
    /// # Errors
    /// As [`Sql::query`].
    pub async fn read<T: DeserializeOwned>(&self, statement: &Statement, document: &impl Serialize) -> sidecar::Result<T> {
        self.sql.query(statement, document).await
    }

    /// A change with its events: one statement. Gives the rows affected, and wakes the relay when there are any and the statement is one
    /// that writes events.
    ///
    /// # Errors
    /// As [`Sql::exec`].
    pub async fn write(&self, statement: &Statement, document: &impl Serialize) -> sidecar::Result<u64> {
        let rows = self.sql.exec(statement, document).await?;
        if rows > 0 && statement.text.contains(ENQUEUE) {
            self.changed.notify_one();
        }
        Ok(rows)
    }

    /// The binding itself, for the relay and the migrations.
    pub fn sql(&self) -> &Sql {
        &self.sql
    }

    /// Wakes the relay without a change: it left rows behind.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Resolves after the next change.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
