//! Every statement of the app.

use contracts::Page;
use contracts::task::Task;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::Database;
use service::event::Row;
use sidecar::{Result, Statement};
use uuid::Uuid;

use crate::filter::Filter;
use crate::http::History;
use crate::sync::Token;

pub mod feed;
pub mod list;
pub mod transfer;

const CREATE: Statement = Statement::new("tasks.create", include_str!("store/create.sql"));
const SUCCEED: Statement = Statement::new("tasks.succeed", include_str!("store/succeed.sql"));
const SAVE: Statement = Statement::new("tasks.save", include_str!("store/save.sql"));
const READ: Statement = Statement::new("tasks.read", include_str!("store/read.sql"));
const READ_ALL: Statement = Statement::new("tasks.read_all", include_str!("store/read_all.sql"));
const PREVIOUS: Statement = Statement::new("tasks.previous", include_str!("store/previous.sql"));
const HISTORY: Statement = Statement::new("tasks.history", include_str!("store/history.sql"));
const CHANGES: Statement = Statement::new("tasks.changes", include_str!("store/changes.sql"));
const SPELL: Statement = Statement::new("tags.spell", include_str!("store/spell.sql"));
const OPEN: Statement = Statement::new("tasks.open", include_str!("store/open.sql"));
const COUNT_OPEN: Statement = Statement::new("tasks.count_open", include_str!("store/count_open.sql"));
const OWNER: Statement = Statement::new("tasks.owner", include_str!("store/owner.sql"));
const PURGE: Statement = Statement::new("tasks.purge", include_str!("store/purge.sql"));
const SETTINGS: Statement = Statement::new("settings.save", include_str!("store/settings.sql"));
const CREATE_TAG: Statement = Statement::new("tags.create", include_str!("store/create_tag.sql"));
const LIST_TAGS: Statement = Statement::new("tags.list", include_str!("store/list_tags.sql"));
const DELETE_TAG: Statement = Statement::new("tags.delete", include_str!("store/delete_tag.sql"));

/// The app's schema. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

/// The next version of a task, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The whole task.
    pub task: Task,
    /// Whether it is deleted with this version.
    pub deleted: bool,
}

/// A task as it is now.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Known {
    /// The whole task.
    pub task: Task,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// A task that is still to be done, as reminders asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Which.
    pub id: Uuid,
    /// Its title now.
    pub title: String,
    /// Its due date now.
    pub due_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Changes of one owner's tasks, and what the read that found them had seen.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// Every transaction before this one has ended.
    #[serde(deserialize_with = "transaction")]
    pub settled: u64,
    /// No transaction from this one on had begun.
    #[serde(deserialize_with = "transaction")]
    pub ahead: u64,
    /// In the order of their transactions.
    pub rows: Vec<Changed>,
}

/// One task that changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Changed {
    /// In this transaction.
    #[serde(deserialize_with = "transaction")]
    pub changed_in: u64,
    /// Which.
    pub id: Uuid,
    /// As it is now, unless it is gone.
    pub task: Option<Task>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// A transaction's number, which may be larger than a JSON number can say.
fn transaction<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A tag and how many existing tasks bear it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tag {
    /// Which.
    pub id: Uuid,
    /// Its name, as first written.
    pub name: String,
    /// How many existing tasks bear it.
    pub usage_count: i64,
}

impl Store {
    /// On the app's own schema.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The schema itself, for stored answers.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Writes a new task with its tags, its pattern, its events and the answer for a repeated key.
    ///
    /// # Errors
    /// Constraint `idempotency_keys_once` when the key is in use.
    pub async fn create(&self, task: &Task, events: &[Row], answer: &Value) -> Result<u64> {
        let document =
            json!({ "task": task, "pattern": pattern(task), "tags": tags(&task.tags), "events": events, "answer": answer });
        self.database.write(&CREATE, &document).await
    }

    /// Writes the next instance of a series with its tags and its events; 0 when it is there already, or the series was stopped.
    ///
    /// # Errors
    /// As every statement.
    pub async fn succeed(&self, task: &Task, events: &[Row]) -> Result<u64> {
        self.database.write(&SUCCEED, &json!({ "task": task, "events": events })).await
    }

    /// Writes the next versions of tasks of one owner with their events and the answer for a repeated key; 0, and nothing is written, when the
    /// version before one of them is no longer the current one.
    ///
    /// # Errors
    /// Constraint `idempotency_keys_once` when the key is in use.
    pub async fn save(&self, saved: &[Saved], events: &[Row], answer: &Value) -> Result<u64> {
        let row = |Saved { task, deleted }: &Saved| json!({ "task": task, "pattern": pattern(task), "tags": tags(&task.tags), "deleted": deleted });
        let rows: Vec<Value> = saved.iter().map(row).collect();
        self.database.write(&SAVE, &json!({ "tasks": rows, "events": events, "answer": answer })).await
    }

    /// Those of the given tasks that are this owner's, deleted or not.
    ///
    /// # Errors
    /// As every statement.
    pub async fn read_all(&self, ids: &[Uuid], user_id: Uuid) -> Result<Vec<Known>> {
        self.database.read(&READ_ALL, &json!({ "ids": ids, "user_id": user_id })).await
    }

    /// What the change that made this version of a task says of before, while its event is kept.
    ///
    /// # Errors
    /// As every statement.
    pub async fn previous(&self, id: Uuid, user_id: Uuid, version: i64) -> Result<Option<Map<String, Value>>> {
        self.database.read(&PREVIOUS, &json!({ "id": id, "user_id": user_id, "version": version })).await
    }

    /// The instances of a task's series: one page of the past ones, and the open one.
    ///
    /// # Errors
    /// As every statement.
    pub async fn history(&self, id: Uuid, user_id: Uuid, limit: i64, offset: i64) -> Result<Option<History>> {
        let document = json!({ "id": id, "user_id": user_id, "limit": limit, "offset": offset });
        self.database.read(&HISTORY, &document).await
    }

    /// One task of one owner.
    ///
    /// # Errors
    /// As every statement.
    pub async fn read(&self, id: Uuid, user_id: Uuid) -> Result<Option<Task>> {
        self.database.read(&READ, &json!({ "id": id, "user_id": user_id, "deleted": false })).await
    }

    /// One deleted task of one owner.
    ///
    /// # Errors
    /// As every statement.
    pub async fn read_deleted(&self, id: Uuid, user_id: Uuid) -> Result<Option<Task>> {
        self.database.read(&READ, &json!({ "id": id, "user_id": user_id, "deleted": true })).await
    }

    /// One page of the tasks that pass a filter.
    ///
    /// # Errors
    /// As every statement.
    pub async fn list(&self, filter: &Filter) -> Result<Page<Task>> {
        self.database.read(&list::statement(filter), filter).await
    }

    /// What changed since a token, at most `limit` changes.
    ///
    /// # Errors
    /// As every statement.
    pub async fn changes(&self, user_id: Uuid, token: &Token, limit: i64) -> Result<Seen> {
        let (after, task) = (token.round.map(|round| round.after.to_string()), token.round.map(|round| round.task));
        let document =
            json!({ "user_id": user_id, "since": token.since.to_string(), "after": after, "after_task": task, "limit": limit });
        self.database.read(&CHANGES, &document).await
    }

    /// The names as their owner first wrote them; new ones as they are.
    ///
    /// # Errors
    /// As every statement.
    pub async fn spell(&self, user_id: Uuid, names: Vec<String>) -> Result<Vec<String>> {
        if names.is_empty() {
            return Ok(names);
        }
        self.database.read(&SPELL, &json!({ "user_id": user_id, "names": names })).await
    }

    /// Those of the given tasks that are still to be done, with their due date now.
    ///
    /// # Errors
    /// As every statement.
    pub async fn open(&self, ids: &[Uuid]) -> Result<Vec<Open>> {
        self.database.read(&OPEN, &json!({ "ids": ids })).await
    }

    /// How many tasks are still to be done, everybody's.
    ///
    /// # Errors
    /// As every statement.
    pub async fn count_open(&self) -> Result<i64> {
        self.database.read(&COUNT_OPEN, &()).await
    }

    /// What an app may know of one task of one owner.
    ///
    /// # Errors
    /// As every statement.
    pub async fn owner(&self, id: Uuid, user_id: Uuid) -> Result<Value> {
        self.database.read(&OWNER, &json!({ "id": id, "user_id": user_id })).await
    }

    /// Removes what was deleted over 30 days ago.
    ///
    /// # Errors
    /// As every statement.
    pub async fn purge(&self) -> Result<u64> {
        self.database.sql().exec(&PURGE, &()).await
    }

    /// Keeps the zone of an owner; 0 for an event that was handled before.
    ///
    /// # Errors
    /// As every statement.
    pub async fn keep_settings(&self, event_id: Uuid, user: &contracts::user::User) -> Result<u64> {
        let document = json!({ "event_id": event_id, "topic": contracts::topic::USER_EVENTS, "user_id": user.id, "timezone": user.timezone, "version": user.version });
        self.database.write(&SETTINGS, &document).await
    }

    /// Makes a tag unless its owner has it; 0 when they do.
    ///
    /// # Errors
    /// As every statement.
    pub async fn create_tag(&self, id: Uuid, user_id: Uuid, tenant_id: Uuid, name: &str) -> Result<u64> {
        self.database.write(&CREATE_TAG, &json!({ "id": id, "user_id": user_id, "tenant_id": tenant_id, "name": name })).await
    }

    /// The owner's tags whose name contains `search`, those that begin with it first, then the most used.
    ///
    /// # Errors
    /// As every statement.
    pub async fn list_tags(&self, user_id: Uuid, search: &str, limit: i64) -> Result<Vec<Tag>> {
        self.database.read(&LIST_TAGS, &json!({ "user_id": user_id, "search": search, "limit": limit })).await
    }

    /// Removes a tag, also from all tasks; 0 when there is none.
    ///
    /// # Errors
    /// As every statement.
    pub async fn delete_tag(&self, id: Uuid, user_id: Uuid) -> Result<u64> {
        self.database.write(&DELETE_TAG, &json!({ "id": id, "user_id": user_id })).await
    }
}

/// Names with an id for those that are new.
fn tags(names: &[String]) -> Value {
    names.iter().map(|name| json!({ "id": Uuid::now_v7(), "name": name })).collect()
}

/// The pattern's row: its id is the series.
fn pattern(task: &Task) -> Value {
    let Some(pattern) = &task.recurrence_pattern else { return Value::Null };
    let mut row = json!(pattern);
    row["id"] = json!(task.series_id);
    row
}
