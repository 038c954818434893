//! Every statement of audit, and the only calls to its database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::Page;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Database;
use sidecar::Statement;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::letter::{Letter, Settlement, Summary};
use crate::metrics::Metrics;
use crate::record::AuditLog;

const RECORD: Statement = Statement::new("record", include_str!("store/record.sql"));
const LOGS: Statement = Statement::new("logs", include_str!("store/logs.sql"));
const EXPIRE_LOGS: Statement = Statement::new("expire_logs", include_str!("store/expire_logs.sql"));
const EXPIRE_LETTERS: Statement = Statement::new("expire_letters", include_str!("store/expire_letters.sql"));
const KEEP_LETTER: Statement = Statement::new("keep_letter", include_str!("store/keep_letter.sql"));
const LETTERS: Statement = Statement::new("letters", include_str!("store/letters.sql"));
const LETTER: Statement = Statement::new("letter", include_str!("store/letter.sql"));
const SETTLE: Statement = Statement::new("settle", include_str!("store/settle.sql"));
const COUNT_OPEN: Statement = Statement::new("count_open", include_str!("store/count_open.sql"));

/// Rows removed by one statement: short enough to hold no lock for long.
const BATCH: u64 = 1000;

/// Audit's tables. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    metrics: Metrics,
    letters: Arc<Notify>,
}

/// Which rows of the log are asked for; what is absent does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogFilter {
    /// Who did it.
    pub user_id: Option<Uuid>,
    /// To which kind of thing.
    pub entity_type: Option<String>,
    /// To which thing.
    pub entity_id: Option<Uuid>,
    /// What was done.
    pub action: Option<String>,
    /// Of which request.
    pub correlation_id: Option<String>,
    /// Happened then or later.
    pub start_at: Option<DateTime<Utc>>,
    /// Happened before.
    pub end_at: Option<DateTime<Utc>>,
    /// Most rows of the page.
    pub page_size: i64,
    /// Rows before the page.
    pub page_start: i64,
}

/// Which dead letters are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LetterFilter {
    /// How far they are.
    pub state: Option<crate::letter::State>,
    /// Topic they came from.
    pub topic: Option<String>,
    /// App that gave up.
    pub app: Option<String>,
    /// Most letters of the page.
    pub page_size: i64,
    /// Letters before the page.
    pub page_start: i64,
}

#[derive(Deserialize)]
struct Found<T> {
    total: i64,
    items: Vec<T>,
}

impl Store {
    /// The tables behind `database`.
    pub fn new(database: Database, metrics: Metrics) -> Self {
        Self { database, metrics, letters: Arc::default() }
    }

    /// Writes the row of an event of `topic`, unless it was written before. Gives whether it was.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn record(&self, topic: &str, row: &AuditLog) -> sidecar::Result<bool> {
        #[derive(Serialize)]
        struct Input<'a> {
            topic: &'a str,
            #[serde(flatten)]
            row: &'a AuditLog,
        }
        let written = self.database.write(&RECORD, &Input { topic, row }).await? > 0;
        if written {
            self.metrics.rows_written.inc();
        }
        Ok(written)
    }

    /// One page of the log, newest first.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn logs(&self, filter: &LogFilter) -> sidecar::Result<Page<AuditLog>> {
        self.page(&LOGS, filter, filter.page_size, filter.page_start).await
    }

    /// Removes what happened before `before`, batch by batch. Gives how many rows of the log went.
    ///
    /// # Errors
    /// As [`Database::write`]; what was removed until then stays removed.
    pub async fn expire(&self, before: DateTime<Utc>) -> sidecar::Result<u64> {
        let input = json!({ "before": before, "batch": BATCH });
        let mut all = 0;
        loop {
            let removed = self.database.write(&EXPIRE_LOGS, &input).await?;
            self.metrics.rows_deleted.inc_by(removed);
            all += removed;
            if removed < BATCH {
                break;
            }
        }
        while self.database.write(&EXPIRE_LETTERS, &input).await? == BATCH {}
        Ok(all)
    }

    /// Keeps a dead letter, unless it is kept already.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn keep_letter(&self, letter: &Letter) -> sidecar::Result<bool> {
        let kept = self.database.write(&KEEP_LETTER, letter).await? > 0;
        self.letters.notify_one();
        Ok(kept)
    }

    /// One page of dead letters, newest first.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn letters(&self, filter: &LetterFilter) -> sidecar::Result<Page<Summary>> {
        self.page(&LETTERS, filter, filter.page_size, filter.page_start).await
    }

    /// One dead letter, whole.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn letter(&self, id: Uuid) -> sidecar::Result<Option<Letter>> {
        self.database.read(&LETTER, &json!({ "id": id })).await
    }

    /// Settles an open letter and records who did it. Gives whether it was still open.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn settle(&self, settlement: &Settlement) -> sidecar::Result<bool> {
        let settled = self.database.write(&SETTLE, settlement).await? > 0;
        if settled {
            self.metrics.rows_written.inc();
        }
        self.letters.notify_one();
        Ok(settled)
    }

    /// How many letters wait for an operator.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn count_open_letters(&self) -> sidecar::Result<i64> {
        self.database.read(&COUNT_OPEN, &()).await
    }

    /// Resolves after this instance has kept or settled a letter.
    pub async fn letters_changed(&self) {
        self.letters.notified().await;
    }

    async fn page<T: DeserializeOwned>(
        &self,
        statement: &Statement,
        filter: &impl Serialize,
        limit: i64,
        offset: i64,
    ) -> sidecar::Result<Page<T>> {
        let Found { total, items } = self.database.read::<Found<T>>(statement, filter).await?;
        let has_more = offset.saturating_add(i64::try_from(items.len()).unwrap_or(i64::MAX)) < total;
        Ok(Page { items, total, limit, offset, has_more })
    }
}
