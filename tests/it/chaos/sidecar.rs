//! A killed sidecar never makes an app lie.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use contracts::task::Task;
use http::Method;
use serde_json::json;
use tests::database::Database;
use tests::{Answer, Person, Suite, eventually};
use uuid::Uuid;

use super::random::Random;
use super::{BACK, SOON, alone, is_open, options, say};

/// People who write at the same time.
const WRITERS: u64 = 6;
/// How often the sidecar is killed. Its supervisor lets it rest for 1 s, then for 2 s, then for 4 s, since it does not stay up.
const KILLS: usize = 3;
/// How many creates are acknowledged before each kill.
const BETWEEN: usize = 40;

/// One attempt to make a task: its key, and its id if it was acknowledged.
struct Attempt {
    person: Person,
    key: String,
    body: Vec<u8>,
    id: Option<Uuid>,
}

impl Attempt {
    /// Reads what was acknowledged, and repeats what was not.
    async fn resolve(&self) -> Result<Answer> {
        match self.id {
            Some(id) => self.person.get(&format!("/tasks/{id}")).await,
            None => self.person.send(Method::POST, "/tasks", &[("Idempotency-Key", &self.key)], Some(self.body.clone())).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_answers_while_a_sidecar_is_killed_are_true() -> Result<()> {
    let (random, seed) = Random::of_run("killed sidecar")?;
    alone(options("sidecar", &["identity", "tasks", "audit", "gateway"])?, async |suite| run(suite, random, seed).await).await
}

async fn run(suite: &Suite, mut random: Random, seed: u64) -> Result<()> {
    let (over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(write(suite.person()?, Random::new(seed + 1 + number), over.clone(), acknowledged.clone()));
    }
    let killed = async {
        for _ in 0..KILLS {
            let enough = acknowledged.load(Ordering::Relaxed) + BETWEEN;
            let taken = async || Ok((acknowledged.load(Ordering::Relaxed) >= enough).then_some(()));
            eventually("creates are acknowledged", SOON, taken).await?;
            tokio::time::sleep(random.millis(300)).await;
            suite.stack().kill9("tasks-daprd").await?;
            suite.stack().wait_ready(BACK).await?;
        }
        anyhow::Ok(())
    };
    let killed = killed.await;
    over.store(true, Ordering::Relaxed);
    let (mut attempts, mut answers) = (Vec::new(), BTreeMap::<u16, u64>::new());
    while let Some(written) = writers.join_next().await {
        let (of_one, answers_of_one) = written??;
        attempts.extend(of_one);
        for (status, count) in answers_of_one {
            *answers.entry(status).or_default() += count;
        }
    }
    killed?;

    // What was said to be there is there, and what was left open becomes one task, not two.
    for attempt in &attempts {
        let ask = async || {
            let answer = attempt.resolve().await?;
            // The gateway leaves a part that failed alone for a moment.
            if is_open(answer.status) {
                Ok(None)
            } else {
                answer.expect::<Task>(if attempt.id.is_some() { 200 } else { 201 }).map(Some)
            }
        };
        let task = eventually("an attempt is resolved", SOON, ask).await?;
        ensure!(attempt.id.is_none_or(|id| id == task.id) && task.title == attempt.key, "{task:?} for the key {}", attempt.key);
    }
    let database = Database::of(suite).await?;
    let tasks = database.count("select count(*) from tasks.tasks", &[]).await?;
    ensure!(tasks == attempts.len() as i64, "{tasks} tasks of {} attempts", attempts.len());
    eventually("each has its audit row", SOON * 3, async || {
        let rows = database.count("select count(*) from audit.audit_logs where action = 'task.created'", &[]).await?;
        ensure!(rows == tasks, "{rows} of {tasks}");
        Ok(Some(()))
    })
    .await?;
    say(&format!(
        "seed {seed}: {} attempts during {KILLS} kills of a sidecar, answered {answers:?} (0: no answer); {tasks} tasks",
        attempts.len()
    ));
    Ok(())
}

/// Makes tasks, each with one attempt, and writes down what was said.
async fn write(
    person: Person,
    mut random: Random,
    over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> Result<(Vec<Attempt>, BTreeMap<u16, u64>)> {
    let (mut attempts, mut answers) = (Vec::new(), BTreeMap::new());
    while !over.load(Ordering::Relaxed) {
        let key = Uuid::new_v4().to_string();
        let body = json!({ "title": key }).to_string().into_bytes();
        let answer = person.send(Method::POST, "/tasks", &[("Idempotency-Key", &key)], Some(body.clone())).await;
        let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
        *answers.entry(status).or_default() += 1;
        let id = match answer {
            Ok(answer) if !is_open(answer.status) => {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                Some(answer.expect::<Task>(201)?.id)
            }
            _ => None,
        };
        attempts.push(Attempt { person: person.clone(), key, body, id });
        tokio::time::sleep(random.millis(100)).await;
    }
    Ok((attempts, answers))
}
