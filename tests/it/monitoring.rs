//! Metrics as Prometheus has them: every process is scraped, every alert can be evaluated and is explained, every panel has data.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::{Person, Suite, eventually};

use crate::workspace::{files, root};

const ALERTS: &str = "monitoring/prometheus/alerts.yaml";
/// A few scrapes, of which a rate needs two.
const SCRAPED: Duration = Duration::from_secs(60);

/// The alerts: name, expression, runbook.
fn alerts() -> Result<Vec<(String, String, String)>> {
    let file: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(root()?.join(ALERTS))?)?;
    let rules = file["groups"].as_array().into_iter().flatten().flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(rules.map(|rule| (text(&rule["alert"]), text(&rule["expr"]), text(&rule["annotations"]["runbook"]))).collect())
}

/// What Prometheus answers, its `data`.
pub(crate) async fn asked(suite: &Suite, path: &str, query: &[(&str, &str)]) -> Result<Value> {
    let url = suite.stack().prometheus_url().context("Prometheus is on")?;
    let answer: Value = suite.client().get(format!("{url}/api/v1/{path}")).query(query).send().await?.json().await?;
    ensure!(answer["status"] == "success", "{path} {query:?}: {answer}");
    Ok(answer["data"].clone())
}

/// The expressions of all panels, each with its dashboard and title.
fn panels() -> Result<Vec<(String, String)>> {
    let mut panels = Vec::new();
    for file in files(&root()?.join("monitoring/grafana/dashboards"), ".json")? {
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        for panel in dashboard["panels"].as_array().into_iter().flatten() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().context("an expression")?;
                panels
                    .push((format!("{}: {}", dashboard["title"], panel["title"]), expression.replace("$__rate_interval", "1m")));
            }
        }
    }
    Ok(panels)
}

/// promtool plays each alert once with a fault and once without. Seen red: another threshold, another label, a test without its alert.
#[test]
fn contract_each_alert_fires_at_its_fault_and_not_without() -> Result<()> {
    let tests = root()?.join("monitoring/prometheus/alerts.test.yaml");
    let output = Command::new("promtool").args(["test", "rules"]).arg(&tests).output().context("promtool")?;
    ensure!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let file: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(&tests)?)?;
    let cases: Vec<&Value> = file["tests"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|test| test["alert_rule_test"].as_array().into_iter().flatten())
        .collect();
    for (alert, ..) in alerts()? {
        let of_it = || cases.iter().filter(|case| case["alertname"] == alert.as_str());
        let fires = |case: &&&Value| case["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        ensure!(of_it().any(|case| fires(&case)), "nothing shows {alert} fire");
        ensure!(of_it().any(|case| !fires(&case)), "nothing shows {alert} silent");
    }
    Ok(())
}

#[test]
fn contract_each_alert_is_explained_under_its_name() -> Result<()> {
    let text = std::fs::read_to_string(root()?.join("docs/TROUBLESHOOTING.md"))?;
    let explained: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts()?;
    ensure!(alerts.len() >= 14, "{alerts:?}");
    for (alert, _, runbook) in &alerts {
        ensure!(explained.contains(alert.as_str()), "docs/TROUBLESHOOTING.md has no entry {alert}");
        ensure!(*runbook == format!("docs/TROUBLESHOOTING.md#{}", alert.to_lowercase()), "{alert}: {runbook}");
    }
    Ok(())
}

/// A person creates, changes, completes and deletes, and is reminded.
async fn one_of_everything(person: &Person) -> Result<()> {
    let soon: DateTime<Utc> = SystemTime::now().into();
    let soon = soon + TimeDelta::seconds(70);
    person.create_task(&json!({ "title": "Look at the panels", "due_at": soon, "reminder_offset_minutes": 1 })).await?;
    let daily = json!({ "title": "Daily", "due_at": "2031-03-03T09:00:00Z", "reminder_offset_minutes": 10, "recurrence_pattern": { "pattern_type": "daily" } });
    let task = person.create_task(&daily).await?;
    person.patch(&format!("/tasks/{}", task.id), &json!({ "title": "Daily report" })).await?.is(200)?;
    person.complete(task.id).await?;
    let other = person.create_task(&json!({ "title": "Never mind" })).await?;
    person.delete(&format!("/tasks/{}", other.id)).await?.is(204)?;
    Ok(())
}

/// Seen red: a misspelt metric in a panel ("Created a minute": no data), an app without a target.
#[tokio::test]
async fn flow_prometheus_scrapes_every_process_and_every_panel_has_data() -> Result<()> {
    let suite = Suite::shared().await?;
    let processes = 2 * suite.stack().instances().len();
    eventually("every process is scraped", SCRAPED, async || {
        let targets = asked(&suite, "targets", &[("state", "active")]).await?;
        let targets = targets["activeTargets"].as_array().context("targets")?;
        let down: Vec<&Value> = targets.iter().filter(|target| target["health"] != "up").collect();
        ensure!(targets.len() == processes && down.is_empty(), "{} of {processes}, not up: {down:?}", targets.len());
        Ok(Some(()))
    })
    .await?;
    eventually("every rule is evaluated", SCRAPED, async || {
        let groups = asked(&suite, "rules", &[]).await?;
        let rules: Vec<&Value> = groups["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|group| group["rules"].as_array().into_iter().flatten())
            .collect();
        let ill: Vec<&&Value> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
        ensure!(rules.len() >= 14 && ill.is_empty(), "{} rules, ill: {ill:?}", rules.len());
        Ok(Some(()))
    })
    .await?;
    // What panels count has to happen: a person does it.
    one_of_everything(&Person::signed_up(suite.anew()?).await?).await?;
    let panels = panels()?;
    ensure!(panels.len() > 30, "{} panels", panels.len());
    for (panel, expression) in panels {
        eventually(&panel, SCRAPED, async || {
            let data = asked(&suite, "query", &[("query", &expression)]).await?;
            let series = data["result"].as_array().context("series")?;
            ensure!(!series.is_empty(), "no data for {expression}");
            Ok(Some(()))
        })
        .await?;
    }
    Ok(())
}
