//! Load, while pods leave: updated one after the other no request fails, killed without warning nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Member, kubectl, objects, pods, said};
use tests::eventually;
use tokio::process::Command;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::access::Forward;
use super::{faults, verdict};
use crate::workspace::root;

/// Callers at once.
const CALLERS: usize = 4;
/// Between two requests of one of them: a person who is quick, and a machine with two processors.
const THINK: Duration = Duration::from_millis(100);
/// How long somebody tries again what was not answered.
const PATIENCE: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(120);

/// What is read in turn, of each app that the gateway leads to: one that is seldom asked may be the one that is not found.
const READ: [&str; 6] = [
    "/tasks?limit=20",
    "/audit-logs?limit=1",
    "/notifications?limit=1",
    "/v1/conversations",
    "/app/sign-in",
    "/.well-known/jwks.json",
];

/// The servers of `k8s/local`, each with a volume.
const SERVERS: [&str; 2] = ["postgres", "redis"];
/// Who is there, in the order in which they are updated or killed.
const APPS: [&str; 10] =
    ["identity", "tasks", "recurrence", "reminders", "notifications", "messaging", "realtime", "audit", "web", "gateway"];

/// What callers did.
#[derive(Default)]
pub(super) struct Tally {
    answered: AtomicUsize,
    /// Titles of what was acknowledged.
    made: std::sync::Mutex<Vec<String>>,
    failed: std::sync::Mutex<Vec<String>>,
}

impl Tally {
    /// How many were answered, when there was load and nobody was refused.
    pub(super) fn unbroken(&self) -> Result<usize> {
        let (failed, answered) = (lock(&self.failed).clone(), self.answered.load(Ordering::Relaxed));
        ensure!(failed.is_empty() && answered > 200, "{} of {} failed: {failed:#?}", failed.len(), answered + failed.len());
        Ok(answered)
    }

    /// Titles of the tasks that were acknowledged.
    pub(super) fn made(&self) -> Vec<String> {
        lock(&self.made).clone()
    }
}

/// Callers who write and read until they are stopped.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// `insists`: what fails is tried again with the same key, as a client does that must not lose it; otherwise it is a failure.
    pub(super) fn start(member: &Member, insists: bool) -> Self {
        Self::of(CALLERS, member, insists)
    }

    /// So many callers.
    pub(super) fn of(callers: usize, member: &Member, insists: bool) -> Self {
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let callers = (0..callers).map(|_| {
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

    /// That nobody was refused until now.
    pub(super) fn unbroken(&self, stage: &str) -> Result<()> {
        let failed = lock(&self.tally.failed);
        ensure!(failed.is_empty(), "{stage}: {} failed, the first: {:#?}", failed.len(), failed.first());
        Ok(())
    }

    pub(super) async fn end(self) -> Result<Arc<Tally>> {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await?;
        }
        Ok(self.tally)
    }

    /// Ends it: how many were answered, when nobody was refused and everything that was acknowledged is there.
    pub(super) async fn end_whole(self, member: &Member) -> Result<usize> {
        let tally = self.end().await?;
        let answered = tally.unbroken()?;
        nothing_lost(member, &tally.made()).await?;
        Ok(answered)
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
    let path = READ[tally.answered.load(Ordering::Relaxed) % READ.len()];
    let words = match member.get(path).await {
        Ok(answer) if answer.status == 200 => {
            tally.answered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        Ok(answer) => format!("GET {path}: {} {}", answer.status, answer.body),
        Err(error) => format!("GET {path}: {error:#}"),
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
    every_circuit_is_closed(member).await?;
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

/// Each gateway leaves what has failed alone for half a minute, by itself: one that has heard of it may still refuse what another serves.
/// An open circuit closes when somebody asks, and so each of them is asked, beside the ingress.
pub(super) async fn every_circuit_is_closed(member: &Member) -> Result<()> {
    let cluster = Cluster::find().await?;
    eventually("no gateway leaves an app alone", SOON, async || {
        let gateways = pods("gateway").await?;
        ensure!(!gateways.is_empty(), "no gateway is ready");
        for gateway in &gateways {
            let door = Forward::open(gateway, 7100).await?;
            for path in ["/tasks?limit=1", "/audit-logs?limit=1"] {
                let answer = cluster.client().get(format!("{}{path}", door.url)).bearer_auth(&member.token).send().await?;
                let status = answer.status();
                ensure!(status == 200, "{gateway} {path}: {status} {}", answer.text().await?);
            }
        }
        Ok(Some(()))
    })
    .await
}

/// Seen red in two of four, with sidecars that find each other by Dapr's headless Services (docs/decisions/cluster-names.md).
#[tokio::test]
async fn cluster_an_update_of_every_app_under_load_fails_no_request() -> Result<()> {
    let cluster = Cluster::find().await?;
    let member = cluster.somebody().await?;
    every_circuit_is_closed(&member).await?;
    let load = Load::start(&member, false);
    // All at once, as a release does.
    let every = APPS.map(|app| format!("deployment/{app}"));
    kubectl(&[&["rollout", "restart"][..], &every.each_ref().map(String::as_str)].concat()).await?;
    for app in APPS {
        kubectl(&["rollout", "status", &format!("deployment/{app}"), "--timeout=180s"]).await?;
    }
    println!("{} requests while every app was updated, none failed", load.end_whole(&member).await?);
    Ok(())
}

#[tokio::test]
async fn cluster_a_pod_of_every_part_is_killed_under_load_and_nothing_is_lost() -> Result<()> {
    let cluster = Cluster::find().await?;
    let member = cluster.somebody().await?;
    let load = Load::start(&member, true);
    // Three at once, as a machine takes all of its pods along.
    for apps in APPS.chunks(3) {
        let mut victims = vec!["delete".to_owned(), "--grace-period=0".to_owned(), "--force".to_owned()];
        for app in apps {
            let pod = pods(app).await?.into_iter().next().with_context(|| format!("a pod of {app}"))?;
            victims.push(format!("pod/{pod}"));
        }
        kubectl(&victims.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        for app in apps {
            kubectl(&["rollout", "status", &format!("deployment/{app}"), "--timeout=180s"]).await?;
        }
    }
    for server in SERVERS {
        // Not by force: its successor would start beside it on the same data, and what both write is lost.
        kubectl(&["delete", "pod", &format!("{server}-0"), "--grace-period=1"]).await?;
        kubectl(&["rollout", "status", &format!("statefulset/{server}"), "--timeout=180s"]).await?;
    }
    let tally = load.end().await?;
    let (failed, made) = (lock(&tally.failed).clone(), tally.made());
    ensure!(failed.is_empty() && made.len() > 50, "{} made, never answered: {failed:#?}", made.len());
    println!("{} tasks acknowledged while a pod of every part was killed", made.len());
    nothing_lost(&member, &made).await
}

/// A release that ends as soon as it starts: the old pods stay, the validation says so, and it is taken back.
#[tokio::test]
async fn cluster_a_release_that_never_gets_ready_fails_no_request_and_is_taken_back() -> Result<()> {
    let cluster = Cluster::find().await?;
    let member = cluster.somebody().await?;
    every_circuit_is_closed(&member).await?;
    let load = Load::start(&member, false);
    let image = kubectl(&["get", "deployment", "tasks", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]).await?;
    // The command line without a command.
    let broken = image.replace("outrigger/tasks", "outrigger/outrigger");
    let every = APPS.map(|app| format!("deployment/{app}"));
    let image = format!("*={broken}");
    kubectl(&[&["set", "image"][..], &every.each_ref().map(String::as_str), &[&image]].concat()).await?;
    let seen = a_release_that_ends(&broken).await;
    // Also when it was not seen: the next story needs a suite.
    let mut command = Command::new(root()?.join("scripts/rollback.sh"));
    command.arg("--no-validate");
    let words = said(command).await?;
    seen?;
    ensure!(!words.contains(&broken) && APPS.iter().all(|app| words.contains(&format!("outrigger/{app}:"))), "{words}");
    let well = verdict(60, &[]).await?;
    ensure!(well["ok"] == true, "{well}");
    println!("{} requests beside a release that never got ready, none failed", load.end().await?.unbroken()?);
    Ok(())
}

/// Every new pod has ended, and the validation names each.
async fn a_release_that_ends(image: &str) -> Result<()> {
    eventually("each new pod has ended", SOON, async || {
        let list = objects(&["pods"]).await?;
        let ended = list["items"].as_array().into_iter().flatten().filter(|pod| {
            let app = &pod["status"]["containerStatuses"][0];
            app["image"].as_str().is_some_and(|name| name.ends_with(image)) && !app["state"]["running"].is_object()
        });
        Ok((ended.count() >= APPS.len()).then_some(()))
    })
    .await?;
    let verdict = verdict(0, &[]).await?;
    let found = faults(&verdict);
    ensure!(found.keys().eq(&["pods"]), "{verdict}");
    ensure!(APPS.iter().all(|app| found["pods"].contains(&format!("{app}-"))), "{verdict}");
    Ok(())
}
