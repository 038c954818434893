//! A part is away: the alert that says so fires, and is silent again when the part is back.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{Suite, eventually};

use super::{alone, options};
use crate::monitoring::asked;

/// The alerts wait for a minute, which a moment's absence does not last.
const FIRED: Duration = Duration::from_secs(100);
/// A scrape, an evaluation, and a start on a busy machine.
const SILENT: Duration = Duration::from_secs(45);

/// What fires now, each as its name and its pod.
async fn firing(suite: &Suite) -> Result<BTreeSet<String>> {
    let data = asked(suite, "alerts", &[]).await?;
    let alerts = data["alerts"].as_array().context("alerts")?.iter().filter(|alert| alert["state"] == "firing");
    Ok(alerts.map(|alert| format!("{} {}", alert["labels"]["alertname"], alert["labels"]["pod"]).replace('"', "")).collect())
}

/// Seen red: alerts.yaml with `for: 5m`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_alerts_fire_while_parts_are_away_and_clear_after_it() -> Result<()> {
    let mut options = options("alerts", &["identity", "audit"])?;
    options.monitoring = true;
    alone(options, async |suite| {
        let away = ["SidecarDown identity", "ServiceDown audit"].map(str::to_owned);
        eventually("nothing is wrong", SILENT, async || Ok(firing(suite).await?.is_empty().then_some(()))).await?;
        suite.stack().stop("audit").await?;
        suite.stack().stop("identity-daprd").await?;
        eventually("both are missed", FIRED, async || {
            let firing = firing(suite).await?;
            ensure!(away.iter().all(|alert| firing.contains(alert)), "{firing:?}");
            Ok(Some(()))
        })
        .await?;
        suite.stack().start_part("audit").await?;
        suite.stack().start_part("identity-daprd").await?;
        eventually("neither is missed", SILENT, async || {
            let firing = firing(suite).await?;
            ensure!(!away.iter().any(|alert| firing.contains(alert)), "{firing:?}");
            Ok(Some(()))
        })
        .await
    })
    .await
}
