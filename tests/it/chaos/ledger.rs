//! What was acknowledged, as the client wrote it down: the tables have to say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use contracts::task::Task;
use http::Method;
use serde_json::Value;
use tests::Person;
use uuid::Uuid;

use super::is_open;

/// How long one operation may take to be acknowledged, with all its repeats.
const ACKNOWLEDGED: Duration = Duration::from_secs(40);
/// A person's patience before they press the button again.
const AGAIN: Duration = Duration::from_millis(100);

/// Shared by all writers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

/// What it holds.
#[derive(Debug, Default)]
pub struct Entries {
    /// Tasks whose creation was acknowledged, by id.
    pub created: BTreeMap<Uuid, Task>,
    /// Those whose completion was.
    pub completed: BTreeSet<Uuid>,
    /// How often each answer left open what had become of the request; 0 for none at all.
    pub open_answers: BTreeMap<u16, u64>,
    /// The longest that an acknowledgement took.
    pub longest: Duration,
}

impl Ledger {
    /// The entries.
    pub fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations were acknowledged.
    pub fn operations(&self) -> usize {
        let entries = self.entries();
        entries.created.len() + entries.completed.len()
    }

    /// Makes a task; the same key until it is acknowledged.
    pub async fn create(&self, person: &Person, body: &Value) -> Result<Task> {
        let key = Uuid::new_v4().to_string();
        let task: Task = self.acknowledged(person, "/tasks", &key, body.to_string(), 201).await?;
        let known = self.entries().created.insert(task.id, task.clone());
        anyhow::ensure!(known.is_none(), "two keys made the same task {}", task.id);
        Ok(task)
    }

    /// Completes a task, which is repeatable by itself.
    pub async fn complete(&self, person: &Person, id: Uuid) -> Result<()> {
        let task: Task = self.acknowledged(person, &format!("/tasks/{id}/complete"), "", "{}".to_owned(), 200).await?;
        anyhow::ensure!(task.completed_at.is_some(), "acknowledged, and not completed: {task:?}");
        self.entries().completed.insert(id);
        Ok(())
    }

    async fn acknowledged(&self, person: &Person, path: &str, key: &str, body: String, status: u16) -> Result<Task> {
        let begun = Instant::now();
        let headers: &[(&str, &str)] = if key.is_empty() { &[] } else { &[("Idempotency-Key", key)] };
        loop {
            let answer = person.send(Method::POST, path, headers, Some(body.clone().into_bytes())).await;
            let code = match &answer {
                Ok(answer) if is_open(answer.status) => answer.status.as_u16(),
                // Everything else must be the success: a refusal would be a lie about a request that is in order.
                Ok(answer) => {
                    let mut entries = self.entries();
                    entries.longest = entries.longest.max(begun.elapsed());
                    return answer.expect(status).with_context(|| format!("POST {path}"));
                }
                Err(_) => 0,
            };
            *self.entries().open_answers.entry(code).or_default() += 1;
            if begun.elapsed() > ACKNOWLEDGED {
                bail!("POST {path} was not acknowledged within {ACKNOWLEDGED:?}: {answer:?}");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
