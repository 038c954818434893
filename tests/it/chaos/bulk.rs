//! A change of many tasks is whole or nothing, whatever becomes of the sidecar in its middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually, metrics};
use uuid::Uuid;

use super::random::Random;
use super::{BACK, SOON, alone, is_open, options, say};

/// How often the sidecar is killed.
const KILLS: u64 = 3;
/// Tasks of one request.
const TASKS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_answers_to_changes_of_many_are_true_while_a_sidecar_is_killed() -> Result<()> {
    let (random, seed) = Random::of_run("many at once")?;
    alone(options("bulk", &["identity", "tasks", "gateway"])?, async |suite| run(suite, random, seed).await).await
}

async fn run(suite: &Suite, mut random: Random, seed: u64) -> Result<()> {
    let person = suite.person()?;
    let bodies: Vec<Value> =
        (0..TASKS).map(|number| json!({ "title": number.to_string(), "due_at": "2031-01-01T00:00:00Z" })).collect();
    let ids: Vec<Uuid> = stream::iter(bodies.iter().map(async |body| Ok::<_, anyhow::Error>(person.create_task(body).await?.id)))
        .buffered(8)
        .try_collect()
        .await?;
    let writes = async || metrics::total(suite, "tasks", "sidecar_calls_total", &[("name", "tasks.save")]).await;
    let before = writes().await?;
    ensure!(shift(&person, &ids).await? == 200, "a first time");
    ensure!(writes().await? - before == 1.0, "one call to the sidecar for {TASKS} tasks");

    let over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (person, ids, over) = (person.clone(), ids.clone(), over.clone());
        async move {
            // Acknowledged, and left open.
            let mut answers = (1_i64, 0_i64);
            while !over.load(Ordering::Relaxed) {
                match shift(&person, &ids).await? {
                    200 => answers.0 += 1,
                    _ => answers.1 += 1,
                }
            }
            anyhow::Ok(answers)
        }
    });
    let database = Database::of(suite).await?;
    for _ in 0..KILLS {
        let version = "select max(version) from tasks.tasks where user_id = $1";
        let enough = database.count(version, &[&person.user_id]).await? + 3;
        let taken = async || Ok((database.count(version, &[&person.user_id]).await? >= enough).then_some(()));
        eventually("changes are taken", SOON, taken).await?;
        tokio::time::sleep(random.millis(100)).await;
        suite.stack().kill9("tasks-daprd").await?;
        suite.stack().wait_ready(BACK).await?;
    }
    over.store(true, Ordering::Relaxed);
    let (acknowledged, open) = writer.await??;

    let sql = "select jsonb_build_array(count(distinct (version, due_at, changed_in)), min(version),
                 count(*) filter (where version <> (select count(*) from tasks.outbox_events e where e.aggregate_id = t.id and e.topic = 'task-events')))
               from tasks.tasks t where user_id = $1";
    let found = database.json(sql, &[&person.user_id]).await?;
    let changes = found[1].as_i64().unwrap_or_default() - 1;
    ensure!(found[0] == 1, "some tasks were changed and some were not: {found}");
    ensure!(found[2] == 0, "a task has not one event a version: {found}");
    ensure!(
        (acknowledged..=acknowledged + open).contains(&changes),
        "{changes} changes, {acknowledged} acknowledged, {open} left open"
    );
    suite.settled(&[person.tenant_id]).await?;
    say(&format!(
        "seed {seed}: {changes} changes of {TASKS} tasks during {KILLS} kills, {acknowledged} acknowledged, {open} left open"
    ));
    Ok(())
}

/// Moves all of them by a day; the status of the answer, 0 for none.
async fn shift(person: &Person, ids: &[Uuid]) -> Result<u16> {
    match person.post("/tasks/bulk", &json!({ "ids": ids, "action": { "shift": { "days": 1 } } })).await {
        Ok(answer) if is_open(answer.status) => Ok(answer.status.as_u16()),
        Ok(answer) => {
            let results = answer.is(200)?.json();
            let all =
                results["results"].as_array().is_some_and(|results| results.iter().all(|each| each["outcome"] == "changed"));
            ensure!(all, "acknowledged, and not all of them changed: {results}");
            Ok(200)
        }
        Err(_) => Ok(0),
    }
}
