//! The statements for files: what is known of one, taking it, and writing one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::task::Task;
use serde_json::{Value, json};
use service::event::Row;
use sidecar::{Result, Statement};
use uuid::Uuid;

use super::{Store, pattern};
use crate::transfer::Item;

const KNOWN: Statement = Statement::new("tasks.known", include_str!("known.sql"));
const IMPORT: Statement = Statement::new("tasks.import", include_str!("import.sql"));
const EXPORT: Statement = Statement::new("tasks.export", include_str!("export.sql"));

/// Tasks that one statement reads or writes.
pub const BATCH: usize = 100;

/// A task from a file, with its source and its events.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What it is called there.
    pub source: Uuid,
    /// The task.
    pub task: Task,
    /// What tells of it.
    pub events: Vec<Row>,
}

impl Store {
    /// The tasks that things of a file are already, by source; deleted ones too, as long as they can be restored.
    ///
    /// # Errors
    /// As every statement.
    pub async fn known(&self, user_id: Uuid, items: &[Item]) -> Result<HashMap<Uuid, Uuid>> {
        let items: Vec<Value> = items.iter().map(|item| json!({ "source": item.source, "own": item.own })).collect();
        self.database.read(&KNOWN, &json!({ "user_id": user_id, "items": items })).await
    }

    /// Writes tasks with their events, those that their owner has already aside. Gives how many were written.
    ///
    /// # Errors
    /// As every statement.
    pub async fn import(&self, taken: &[Taken]) -> Result<u64> {
        let mut tags: HashMap<String, Value> = HashMap::new();
        for task in taken.iter().map(|taken| &taken.task) {
            for name in &task.tags {
                let row = json!({ "id": Uuid::now_v7(), "tenant_id": task.tenant_id, "user_id": task.user_id, "name": name });
                tags.entry(name.to_lowercase()).or_insert(row);
            }
        }
        let row = |taken: &Taken| json!({ "source": taken.source, "task": taken.task, "pattern": pattern(&taken.task), "events": taken.events });
        let tasks: Vec<Value> = taken.iter().map(row).collect();
        self.database.write(&IMPORT, &json!({ "tasks": tasks, "tags": tags.into_values().collect::<Vec<_>>() })).await
    }

    /// Every task of an owner, in the order in which they were made; where a time is given, without those that were completed before it.
    ///
    /// # Errors
    /// As every statement.
    pub async fn all(&self, user_id: Uuid, since: Option<DateTime<Utc>>) -> Result<Vec<Task>> {
        let mut all: Vec<Task> = Vec::new();
        loop {
            let after = all.last().map_or(Uuid::nil(), |task| task.id);
            let document = json!({ "user_id": user_id, "since": since, "after": after, "limit": BATCH });
            let page: Vec<Task> = self.database.read(&EXPORT, &document).await?;
            let is_last = page.len() < BATCH;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }
}
