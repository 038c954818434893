//! Load adds a pod and quiet takes it away: Kubernetes' own autoscaler, on what metrics-server has measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::cluster::{Cluster, Member, kubectl, objects, pods};
use tests::eventually;
use tests::suite::is_long;
use tokio::task::JoinHandle;

/// The app that grows.
const APP: &str = "tasks";
/// Callers at once: together they ask for several times what two pods may use before there are more.
const CALLERS: usize = 6;
/// Measured every 15 s, over a window as long, and looked at every 15 s; then a pod has to start.
const GROWN: Duration = Duration::from_secs(120);
/// The same, and what the autoscaler waits before it believes in the quiet.
const CALM: Duration = Duration::from_secs(120);
/// Kubernetes' own patience: five minutes of quiet, unless the autoscaler says otherwise.
const USUAL: Duration = Duration::from_secs(300);

/// Callers who read until they are stopped: nothing is written, so no other app has more to do.
struct Readers {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Readers {
    fn start(member: &Member) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|_| {
            let (stop, member) = (Arc::clone(&stop), member.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    // An answer that is none is another story's concern; the load goes on.
                    let _ = member.get("/tasks?limit=20").await;
                }
            })
        });
        Self { callers: callers.collect(), stop }
    }

    async fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await?;
        }
        Ok(())
    }
}

async fn autoscaler() -> Result<Value> {
    objects(&["hpa", APP]).await
}

/// How much of what its pods ask for is used, in percent, as the autoscaler has last heard.
fn used(autoscaler: &Value) -> Option<u64> {
    autoscaler["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"].as_u64()
}

/// The autoscaler asks for so few, and so few are there.
async fn at_rest(least: u64, patience: Duration) -> Result<()> {
    eventually("there are no more pods than at least", patience, async || {
        let autoscaler = autoscaler().await?;
        let (wanted, there) = (autoscaler["status"]["desiredReplicas"].as_u64(), pods(APP).await?.len() as u64);
        ensure!(wanted == Some(least) && there == least, "{there} pods: {}", autoscaler["status"]);
        Ok(used(&autoscaler).is_some().then_some(()))
    })
    .await
}

/// How soon quiet is believed: `null` is the usual.
async fn believes_in_quiet(behavior: &Value) -> Result<()> {
    let patch = json!({ "spec": { "behavior": behavior } }).to_string();
    kubectl(&["patch", "hpa", APP, "--type=merge", "--patch", &patch]).await.map(drop)
}

/// Quiet is waited for with OUTRIGGER_LONG only, with the five minutes that Kubernetes takes before it believes in it.
///
/// Seen red: `maxReplicas: 2` ("there is a pod more": two pods after two minutes of load), and `scaleDown: { selectPolicy: Disabled }`, with which
/// the pods stayed.
#[tokio::test]
async fn cluster_load_adds_a_pod_and_quiet_takes_it_away() -> Result<()> {
    let member = Cluster::find().await?.somebody().await?;
    let before = autoscaler().await?;
    let least = before["spec"]["minReplicas"].as_u64().context("minReplicas")?;
    let target = before["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"].as_u64().context("a target")?;
    if is_long() {
        at_rest(least, USUAL + CALM).await?;
        println!("{}", grows(&member, least, target).await?);
        let begun = Instant::now();
        at_rest(least, USUAL + CALM).await?;
        println!("{least} after {:.0?} of quiet", begun.elapsed());
        return Ok(());
    }
    // What a story before asked for leaves at once.
    believes_in_quiet(&json!({ "scaleDown": { "stabilizationWindowSeconds": 0 } })).await?;
    let seen = async {
        at_rest(least, CALM).await?;
        grows(&member, least, target).await
    };
    let seen = seen.await;
    believes_in_quiet(&before["spec"]["behavior"]).await?;
    println!("{}", seen?);
    Ok(())
}

/// The load, and what it made of the app, in words.
async fn grows(member: &Member, least: u64, target: u64) -> Result<String> {
    let (load, begun) = (Readers::start(member), Instant::now());
    let grown = eventually("one pod more is asked for", GROWN, async || {
        let autoscaler = autoscaler().await?;
        let (used, wanted) = (used(&autoscaler), autoscaler["status"]["desiredReplicas"].as_u64());
        ensure!(wanted.is_some_and(|wanted| wanted > least), "{}", autoscaler["status"]);
        ensure!(used.is_some_and(|used| used > target), "{wanted:?} pods, though {used:?} % of {target} % are used");
        Ok(used)
    })
    .await;
    let after = begun.elapsed();
    load.end().await?;
    let used = grown?;
    let there = eventually("it is ready", GROWN, async || {
        let there = pods(APP).await?.len() as u64;
        Ok((there > least).then_some(there))
    })
    .await?;
    Ok(format!("{there} pods after {after:.0?} of load, {used} % of what they ask for used"))
}
