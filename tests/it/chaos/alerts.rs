//! One run of everything that watches: every process is a target and every rule is well, the dashboards' queries move with a hundred people
//! and say what those people saw, and the alerts fire while something is wrong and are silent after it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::suite::is_long;
use tests::{Suite, eventually};

use super::counts::{event, publish};
use super::{alone, load, options};
use crate::monitoring::{asked, every_target_is_up};

/// The alerts wait for a minute, which a moment's absence does not last.
const FIRED: Duration = Duration::from_secs(100);
/// A clock is missed when it was not heard of for two minutes, and then for one.
const CLOCK_MISSED: Duration = Duration::from_secs(220);
/// A scrape, an evaluation, and a start on a busy machine.
const SILENT: Duration = Duration::from_secs(45);

/// What fires now, each as its name and its pod.
async fn firing(suite: &Suite) -> Result<BTreeSet<String>> {
    let data = asked(suite, "alerts", &[]).await?;
    let alerts = data["alerts"].as_array().context("alerts")?.iter().filter(|alert| alert["state"] == "firing");
    let word = |alert: &serde_json::Value, label: &str| alert["labels"][label].as_str().unwrap_or_default().to_owned();
    Ok(alerts.map(|alert| format!("{} {}", word(alert, "alertname"), word(alert, "pod")).trim().to_owned()).collect())
}

/// Waits until each of these fires.
async fn fire(suite: &Suite, alerts: &[&str], patience: Duration) -> Result<()> {
    eventually(&format!("{alerts:?} fire"), patience, async || {
        let firing = firing(suite).await?;
        ensure!(alerts.iter().all(|alert| firing.contains(*alert)), "{firing:?}");
        Ok(Some(()))
    })
    .await
}

/// Waits until none of these fires.
async fn are_silent(suite: &Suite, alerts: &[&str]) -> Result<()> {
    eventually(&format!("{alerts:?} are silent"), SILENT, async || {
        let firing = firing(suite).await?;
        ensure!(!alerts.iter().any(|alert| firing.contains(*alert)), "{firing:?}");
        Ok(Some(()))
    })
    .await
}

/// Seen red: alerts.yaml with `for: 5m`, asking for `dead_letters_opened`, and with another route of the clock. In the gate the clock stops
/// with its app, which is missed after a minute; with `--long` its sidecar alone does, and the app counts on. Takes 130 s, with `--long` 250.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_alerts_fire_while_parts_are_away_and_clear_after_it() -> Result<()> {
    let mut options = options("alerts", &["identity", "tasks", "reminders", "audit", "gateway"])?;
    options.monitoring = true;
    alone(options, async |suite| {
        every_target_is_up(suite).await?;
        eventually("nothing is wrong", SILENT, async || Ok(firing(suite).await?.is_empty().then_some(()))).await?;
        load::a_hundred_people_are_seen(suite).await?;
        an_event_is_poisoned(suite).await?;
        parts_are_away(suite).await
    })
    .await
}

/// An event that nobody can read is given up: somebody is to look, until somebody has.
async fn an_event_is_poisoned(suite: &Suite) -> Result<()> {
    let person = suite.person()?;
    publish(suite, "task-events", &event(&person, json!({ "schema_version": "9.0" }))).await?;
    fire(suite, &["DeadLetters"], FIRED).await?;
    let operator = person.with_token(|claims| claims.scope = "user ops".to_owned())?;
    // Each who should have read it gives it up, one sooner than the other.
    eventually("both letters are settled", SILENT, async || {
        let open = operator.get("/v1/admin/dlq?state=open").await?.is(200)?.json();
        for letter in open["items"].as_array().context("letters")? {
            let path = format!("/v1/admin/dlq/{}/discard", letter["id"].as_str().unwrap_or_default());
            operator.post(&path, &json!({})).await?.is(202)?;
        }
        let settled = operator.get("/v1/admin/dlq?state=discarded").await?.is(200)?.json();
        Ok((settled["items"].as_array().context("letters")?.len() == 2).then_some(()))
    })
    .await?;
    are_silent(suite, &["DeadLetters"]).await
}

/// An app, another's sidecar, and the clock.
async fn parts_are_away(suite: &Suite) -> Result<()> {
    let mut stopped = vec!["audit", "identity-daprd", "reminders-daprd"];
    if !is_long() {
        stopped.push("reminders");
    }
    for part in &stopped {
        suite.stack().stop(part).await?;
    }
    let missed = ["ServiceDown audit", "SidecarDown identity", "ReminderCronSilent"];
    fire(suite, &missed, if is_long() { CLOCK_MISSED } else { FIRED }).await?;
    for part in stopped.iter().rev() {
        suite.stack().start_part(part).await?;
    }
    are_silent(suite, &missed).await
}
