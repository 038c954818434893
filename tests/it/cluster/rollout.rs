//! Load, while pods leave: updated one after the other no request fails, killed without warning nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Member, kubectl, pods};
use tests::eventually;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Callers at once.
const CALLERS: usize = 4;
/// Between two requests of one of them: a person who is quick, and a machine with two processors.
const THINK: Duration = Duration::from_millis(100);
/// How long somebody tries again what was not answered.
const PATIENCE: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(120);

/// Who is there, in the order in which they are updated or killed.
const APPS: [&str; 9] = ["identity", "tasks", "recurrence", "reminders", "notifications", "realtime", "audit", "web", "gateway"];

/// What callers did.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    /// Titles of what was acknowledged.
    made: std::sync::Mutex<Vec<String>>,
    failed: std::sync::Mutex<Vec<String>>,
}

/// Callers who write and read until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// `insists`: what fails is tried again with the same key, as a client does that must not lose it; otherwise it is a failure.
    fn start(member: &Member, insists: bool) -> Self {
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let callers = (0..CALLERS).map(|_| {
            let (stop, tally, member) = (Arc::clone(&stop), Arc::clone(&tally), member.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    write(&member, &tally, insists).await;
                    read(&member, &tally, insists).await;
                    tokio::time::sleep(THINK).await;
                }
            })
        });
        Self { callers: callers.collect(), stop, tally }
    }

    async fn end(self) -> Result<Arc<Tally>> {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await?;
        }
        Ok(self.tally)
    }
}

async fn write(member: &Member, tally: &Tally, insists: bool) {
    let title = Uuid::new_v4().to_string();
    let body = json!({ "title": title });
    let begun = Instant::now();
    loop {
        let answer = member.send(Method::POST, "/tasks", &[("idempotency-key", &title)], Some(&body)).await;
        let words = match answer {
            Ok(answer) if answer.status == 201 || answer.status == 200 => {
                tally.answered.fetch_add(1, Ordering::Relaxed);
                return lock(&tally.made).push(title);
            }
            Ok(answer) => format!("POST /tasks: {} {}", answer.status, answer.body),
            Err(error) => format!("POST /tasks: {error:#}"),
        };
        if !insists || begun.elapsed() > PATIENCE {
            return lock(&tally.failed).push(words);
        }
        tokio::time::sleep(THINK).await;
    }
}

async fn read(member: &Member, tally: &Tally, insists: bool) {
    let words = match member.get("/tasks?limit=20").await {
        Ok(answer) if answer.status == 200 => {
            tally.answered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        Ok(answer) => format!("GET /tasks: {} {}", answer.status, answer.body),
        Err(error) => format!("GET /tasks: {error:#}"),
    };
    if !insists {
        lock(&tally.failed).push(words);
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Everything that was acknowledged is there once, and audit has heard of each once.
async fn nothing_lost(member: &Member, made: &[String]) -> Result<()> {
    let mut there = Vec::new();
    let mut ids = Vec::new();
    for offset in (0..).step_by(100) {
        let list: Value = member.get(&format!("/tasks?limit=100&offset={offset}")).await?.expect(200)?;
        let items = list["items"].as_array().context("a list")?;
        there.extend(items.iter().filter_map(|task| Some(task["title"].as_str()?.to_owned())));
        ids.extend(items.iter().filter_map(|task| Some(task["id"].as_str()?.to_owned())));
        if items.len() < 100 {
            break;
        }
    }
    let (mut wanted, mut found) = (made.to_vec(), there);
    wanted.sort_unstable();
    found.sort_unstable();
    let lost: Vec<&String> = wanted.iter().filter(|title| !found.contains(title)).collect();
    ensure!(lost.is_empty(), "acknowledged and gone: {lost:?}");
    let twice = found.windows(2).filter(|pair| pair[0] == pair[1]).count();
    ensure!(twice == 0, "{twice} were made twice");
    eventually("audit has heard of each", SOON, async || {
        let page: Value = member.get("/audit-logs?action=task.created&limit=1").await?.expect(200)?;
        let total = page["total"].as_u64().context("a total")?;
        ensure!(total == ids.len() as u64, "{total} events of {} tasks", ids.len());
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn cluster_an_update_of_every_app_under_load_fails_no_request() -> Result<()> {
    let cluster = Cluster::find().await?;
    let member = cluster.somebody().await?;
    let load = Load::start(&member, false);
    for app in APPS {
        let deployment = format!("deployment/{app}");
        kubectl(&["rollout", "restart", &deployment]).await?;
        kubectl(&["rollout", "status", &deployment, "--timeout=180s"]).await?;
    }
    let tally = load.end().await?;
    let (failed, answered) = (lock(&tally.failed).clone(), tally.answered.load(Ordering::Relaxed));
    ensure!(failed.is_empty() && answered > 200, "{} of {} failed: {failed:#?}", failed.len(), answered + failed.len());
    println!("{answered} requests while every app was updated, none failed");
    let made = lock(&tally.made).clone();
    nothing_lost(&member, &made).await
}

#[tokio::test]
async fn cluster_a_pod_of_every_app_is_killed_under_load_and_nothing_is_lost() -> Result<()> {
    let cluster = Cluster::find().await?;
    let member = cluster.somebody().await?;
    let load = Load::start(&member, true);
    for app in APPS {
        let pod = pods(app).await?.into_iter().next().with_context(|| format!("a pod of {app}"))?;
        kubectl(&["delete", "pod", &pod, "--grace-period=0", "--force"]).await?;
        kubectl(&["rollout", "status", &format!("deployment/{app}"), "--timeout=180s"]).await?;
    }
    let tally = load.end().await?;
    let (failed, made) = (lock(&tally.failed).clone(), lock(&tally.made).clone());
    ensure!(failed.is_empty() && made.len() > 50, "{} made, never answered: {failed:#?}", made.len());
    println!("{} tasks acknowledged while a pod of every app was killed", made.len());
    nothing_lost(&member, &made).await
}
