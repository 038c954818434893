//! Everything that the suite needs in a cluster, on the free machine's 2 processors and 12 GB: at rest, and while a hundred people use it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use rand::RngExt;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Member, kubectl};
use tests::socket::Socket;
use tests::suite::is_long;

use super::monitoring;
use super::tools::{again, restarts};

/// How many people, each with an open page.
const PEOPLE: usize = 100;
/// Between two requests of one of them, at most: half of it on average.
const THINK: Duration = Duration::from_secs(10);
/// How long each part is looked at.
const REST: Duration = Duration::from_secs(60);
const USE: Duration = Duration::from_secs(120);
/// The kubelet measures every ten seconds; between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Processors.
const CORES: f64 = 2.0;
/// Bytes.
const MEMORY: f64 = 12e9;
/// Where everything is: the suite, Dapr, monitoring, the ingress and metrics-server.
const PARTS: [&str; 4] = ["outrigger", "dapr-system", "monitoring", "kube-system"];
/// Of requests, as for a thousand people (docs/performance.md).
const FAILED: f64 = 0.001;

/// The group of processes of all pods, held to what the free machine has; put back when dropped.
struct Held(Vec<(PathBuf, String)>);

impl Held {
    /// Where this machine keeps the group: by version 1 of the kernel's groups, by version 2, and by version 2 under systemd. Nothing where the
    /// cluster runs elsewhere.
    fn find() -> Result<Self> {
        let memory = format!("{MEMORY:.0}");
        let processors = format!("{:.0}", CORES * 100_000.0);
        let ways = [
            [("memory/kubepods/memory.limit_in_bytes", memory.clone()), ("cpu/kubepods/cpu.cfs_quota_us", processors.clone())],
            [("kubepods/memory.max", memory.clone()), ("kubepods/cpu.max", format!("{processors} 100000"))],
            [("kubepods.slice/memory.max", memory), ("kubepods.slice/cpu.max", format!("{processors} 100000"))],
        ];
        let mut held = Self(Vec::new());
        for (file, limit) in ways.into_iter().flatten() {
            let path = Path::new("/sys/fs/cgroup").join(file);
            if let Ok(before) = std::fs::read_to_string(&path) {
                held.0.push((path.clone(), before.trim().to_owned()));
                std::fs::write(&path, limit).with_context(|| format!("limiting {}", path.display()))?;
            }
        }
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for (path, before) in &self.0 {
            // Nothing more can be done about it here; the cluster's end takes the group with it.
            let _ = std::fs::write(path, before);
        }
    }
}

/// What all pods together used during one part.
#[derive(Debug, Default)]
struct Used {
    /// The most that they could not do without at once, in bytes, and whose it was.
    memory: f64,
    of_which: BTreeMap<String, f64>,
    /// Processors on average, and the most between two measurements.
    cores: f64,
    busiest: f64,
    /// When they were first measured, and the processor time that they had used by then, both in seconds.
    first: Option<(f64, f64)>,
}

impl Used {
    /// Looks once, by what the kubelet has measured of the group of all pods.
    async fn look(&mut self) -> Result<()> {
        let node = kubectl(&["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]).await?;
        ensure!(!node.contains(' '), "the free machine is one: {node}");
        let summary = kubectl(&["get", "--raw", &format!("/api/v1/nodes/{node}/proxy/stats/summary")]).await?;
        let summary: Value = serde_json::from_str(&summary)?;
        let mut groups = summary["node"]["systemContainers"].as_array().into_iter().flatten();
        let pods = groups.find(|group| group["name"] == "pods").context("the group of all pods")?;
        let memory = pods["memory"]["workingSetBytes"].as_f64().context("memory")?;
        if memory > self.memory {
            self.memory = memory;
            self.of_which.clear();
            for pod in summary["pods"].as_array().into_iter().flatten() {
                let namespace = pod["podRef"]["namespace"].as_str().unwrap_or_default().to_owned();
                *self.of_which.entry(namespace).or_default() += pod["memory"]["workingSetBytes"].as_f64().unwrap_or_default();
            }
        }
        self.busiest = self.busiest.max(pods["cpu"]["usageNanoCores"].as_f64().context("cores")? / 1e9);
        let time = pods["cpu"]["time"].as_str().context("a time")?.parse::<chrono::DateTime<chrono::Utc>>()?;
        #[expect(clippy::cast_precision_loss, reason = "a time of now is small enough")]
        let time = time.timestamp_millis() as f64 / 1e3;
        let spent = pods["cpu"]["usageCoreNanoSeconds"].as_f64().context("processor time")? / 1e9;
        let (began, before) = *self.first.get_or_insert((time, spent));
        if time > began {
            self.cores = (spent - before) / (time - began);
        }
        Ok(())
    }

    async fn during(part: Duration) -> Result<Self> {
        let (begun, mut used) = (Instant::now(), Self::default());
        while begun.elapsed() < part {
            used.look().await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(used)
    }

    /// Rows of docs/performance.md.
    fn tell(&self, part: &str, more: &str) -> String {
        let of_which: Vec<String> =
            self.of_which.iter().map(|(namespace, memory)| format!("{namespace} {:.2}", memory / 1e9)).collect();
        format!(
            "| {part}: memory of all pods, peak | {:.2} GB | ≤ 12 GB | {} |\n| {part}: processors, average | {:.2} | ≤ 2 | busiest ten seconds {:.2}{more} |",
            self.memory / 1e9,
            of_which.join(", "),
            self.cores,
            self.busiest
        )
    }

    fn fits(&self, part: &str) -> Result<()> {
        ensure!(self.memory > 0.5e9 && self.memory <= MEMORY, "{part}: {:.2} GB", self.memory / 1e9);
        ensure!(self.cores > 0.0 && self.cores <= CORES, "{part}: {:.2} processors", self.cores);
        Ok(())
    }
}

/// What one person saw: milliseconds of each request, and what was not answered as it should be.
#[derive(Default)]
struct Seen {
    took: Vec<f64>,
    failed: Vec<String>,
}

/// Somebody with an open page who lists, searches, writes and completes, and thinks between.
async fn person(cluster: Cluster, member: Member, until: Instant) -> Result<Seen> {
    let mut page = Socket::in_cluster(&cluster, &member.token).await?;
    let mut seen = Seen::default();
    let mut last: Option<String> = None;
    loop {
        let think = THINK.mul_f64(rand::rng().random_range(0.0..1.0));
        // The page reads what comes meanwhile; nobody waits for anything of it.
        let (_, ()) = tokio::join!(page.next(think, |_| false), tokio::time::sleep(think));
        if Instant::now() >= until {
            return Ok(seen);
        }
        let begun = Instant::now();
        let choice = rand::rng().random_range(0..100);
        let answer = match (choice, last.take()) {
            (..50, kept) => {
                last = kept;
                member.get("/tasks?limit=20").await
            }
            (50..70, kept) => {
                last = kept;
                member.get("/tasks?search=report&limit=20").await
            }
            (70..80, Some(id)) => member.send(Method::POST, &format!("/tasks/{id}/complete"), &[], None).await,
            _ => member.send(Method::POST, "/tasks", &[], Some(&json!({ "title": "Submit report" }))).await,
        };
        seen.took.push(begun.elapsed().as_secs_f64() * 1e3);
        match answer {
            Ok(answer) if answer.status.is_success() => {
                if answer.status == 201 {
                    last = answer.json()["id"].as_str().map(str::to_owned);
                }
            }
            Ok(answer) => seen.failed.push(format!("{choice}: {} {}", answer.status, answer.body)),
            Err(error) => seen.failed.push(format!("{choice}: {error:#}")),
        }
    }
}

/// Only with OUTRIGGER_LONG: three minutes. The group of all pods is held to the machine's size where this test can reach it, so what does not fit
/// is killed, and a container that was killed has started again.
#[tokio::test]
async fn cluster_everything_fits_the_free_machine_at_rest_and_under_a_hundred_people() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let cluster = Cluster::find().await?;
    monitoring::set_up().await?;
    let members = cluster.people(PEOPLE).await?;
    let held = Held::find()?;
    let limits: Vec<String> = held.0.iter().map(|(path, _)| path.display().to_string()).collect();
    println!("held by {}", if limits.is_empty() { "nothing, measured only".to_owned() } else { limits.join(" and ") });
    let before = restarts(&PARTS).await?;
    let rest = Used::during(REST).await?;

    let until = Instant::now() + USE;
    let people: Vec<_> = members.into_iter().map(|member| tokio::spawn(person(cluster.clone(), member, until))).collect();
    let used = Used::during(USE).await?;
    let mut all = Seen::default();
    for person in people {
        let seen = person.await??;
        all.took.extend(seen.took);
        all.failed.extend(seen.failed);
    }
    drop(held);
    println!("{}", rest.tell("at rest", ""));
    rest.fits("at rest")?;
    all.took.sort_by(f64::total_cmp);
    let count = all.took.len();
    let p95 = all.took.get(count * 95 / 100).context("requests")?;
    let requests = format!("; {count} requests in {} s, {} failed, p95 {p95:.0} ms", USE.as_secs(), all.failed.len());
    println!("{}", used.tell("a hundred people", &requests));
    used.fits("a hundred people")?;
    ensure!(count > PEOPLE * 10, "{count} requests");
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let failed = all.failed.len() as f64 / count as f64;
    ensure!(failed <= FAILED, "{} of {count} failed: {:#?}", all.failed.len(), all.failed);
    let now = restarts(&PARTS).await?;
    ensure!(again(&before, &now).is_empty(), "started again: {:?}", again(&before, &now));
    Ok(())
}
