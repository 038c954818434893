//! A read through the gateway against the same call with only the two sidecars between.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::FutureExt;
use http::Method;
use uuid::Uuid;

use crate::ground::Ground;
use crate::machine::{cpu, pid};
use crate::report::{Goal, Report};
use crate::stats::{Way, alone, alternate};

/// Callers at once.
const CALLERS: usize = 8;
const WARM: Duration = Duration::from_secs(1);
/// Both ways in turn, for the times of single calls.
const TOGETHER: Duration = Duration::from_secs(10);
/// Each way alone, for throughput and CPU; several short turns, so that a busy neighbour meets both.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 4;

/// The processes that a call runs through.
const PARTS: [&str; 4] = ["gateway", "gateway-daprd", "tasks", "tasks-daprd"];

/// Measures times, throughput and CPU.
///
/// # Errors
/// When a call fails.
pub async fn measure(ground: &Ground, report: &mut Report) -> Result<()> {
    let task = ground.person.create_task(&serde_json::json!({ "title": "Submit report" })).await?;
    let ways: [Way<'_>; 2] = [Box::new(|_| bare(ground, task.id).boxed()), Box::new(|_| gateway(ground, task.id).boxed())];
    alternate(CALLERS, WARM, &ways).await?;

    let [bare, through] = alternate(CALLERS, TOGETHER, &ways).await?;
    for (name, share, goal) in [("p50", 0.5, Goal::None), ("p99", 0.99, Goal::Most(1.30))] {
        let detail = format!(
            "{:.2} ms against {:.2} ms, {} calls each, {CALLERS} callers",
            through.at(share),
            bare.at(share),
            through.len()
        );
        report.add(format!("gateway ÷ two bare sidecars, {name}"), through.at(share) / bare.at(share), "", goal, detail);
    }
    let [one_bare, one_through] = alternate(1, TOGETHER / 2, &ways).await?;
    let detail = format!("{:.2} ms against {:.2} ms", one_through.at(0.5), one_bare.at(0.5));
    report.add("gateway ÷ two bare sidecars, p50, 1 caller", one_through.at(0.5) / one_bare.at(0.5), "", Goal::None, detail);

    let (mut rates, mut costs) = ([0.0; 2], [[0.0; PARTS.len()]; 2]);
    let mut counted = [(0_usize, Duration::ZERO); 2];
    for _ in 0..TURNS {
        for (side, way) in ways.iter().enumerate() {
            let before = spent(ground)?;
            let (samples, took) = alone(CALLERS, TURN, way).await?;
            for ((cost, after), before) in costs[side].iter_mut().zip(spent(ground)?).zip(before) {
                *cost += (after - before).as_secs_f64() * 1e6;
            }
            counted[side].0 += samples.len();
            counted[side].1 += took;
        }
    }
    for (side, (calls, took)) in counted.iter().enumerate() {
        rates[side] = *calls as f64 / took.as_secs_f64();
        costs[side].iter_mut().for_each(|cost| *cost /= *calls as f64);
    }
    let [bare_rate, rate] = rates;
    let detail = format!("{rate:.0} requests/s against {bare_rate:.0}");
    report.add("gateway ÷ two bare sidecars, throughput", rate / bare_rate, "", Goal::Least(0.85), detail);
    for (side, name) in [(1, "through the gateway"), (0, "two bare sidecars")] {
        let parts = PARTS.iter().zip(costs[side]).map(|(part, cost)| format!("{part} {cost:.0}")).collect::<Vec<_>>().join(", ");
        report.add(format!("CPU a read, {name}"), costs[side].iter().sum(), " µs", Goal::None, parts);
    }
    Ok(())
}

fn spent(ground: &Ground) -> Result<[Duration; PARTS.len()]> {
    let times = PARTS.iter().map(|part| cpu(pid(ground.stack(), part)?)).collect::<Result<Vec<_>>>()?;
    times.try_into().ok().context("one time a part")
}

async fn bare(ground: &Ground, task: Uuid) -> Result<()> {
    ground.invoked("gateway", "tasks", Method::GET, &format!("/tasks/{task}"), None, 200).await.map(drop)
}

async fn gateway(ground: &Ground, task: Uuid) -> Result<()> {
    ground.direct("gateway", Method::GET, &format!("/tasks/{task}"), None, 200).await.map(drop)
}
