//! How many calls to its sidecar one request costs an app, from the app's own count.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::report::{Goal, Report};

/// Requests of each kind.
const REQUESTS: u32 = 50;

/// Counts them for a write and for a list.
///
/// # Errors
/// When a request fails.
pub async fn measure(ground: &Ground, report: &mut Report) -> Result<()> {
    let plain = json!({ "title": "Submit report" });
    let tagged = json!({ "title": "Submit report", "tag_names": ["work"] });
    let create = async |body: &Value| ground.direct("tasks", Method::POST, "/tasks", Some(body), 201).await.map(drop);
    report.add("sidecar calls a create", per_request(ground, async || create(&plain).await).await?, "", Goal::Most(1.0), "");
    report.add(
        "sidecar calls a create with tags",
        per_request(ground, async || create(&tagged).await).await?,
        "",
        Goal::None,
        "one read first: tags answer as their owner first wrote them",
    );
    let list = async || ground.direct("tasks", Method::GET, "/tasks", None, 200).await.map(drop);
    report.add("sidecar calls a list", per_request(ground, list).await?, "", Goal::Most(1.0), "");
    Ok(())
}

async fn per_request(ground: &Ground, mut request: impl AsyncFnMut() -> Result<()>) -> Result<f64> {
    let before = counted(ground).await?;
    for _ in 0..REQUESTS {
        request().await?;
    }
    Ok((counted(ground).await? - before) / f64::from(REQUESTS))
}

/// Calls so far, without those of the relay and of the probes, which no request waits for.
async fn counted(ground: &Ground) -> Result<f64> {
    let text = ground.direct("tasks", Method::GET, "/metrics", None, 200).await?.body;
    let of_requests = |line: &&str| {
        let aside = ["name=\"outbox.", "block=\"publish\"", "block=\"health\""];
        line.starts_with("sidecar_calls_total{") && !aside.iter().any(|mark| line.contains(mark))
    };
    let values = text.lines().filter(of_requests).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(values.sum())
}
