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

/// The value of the only series that a query has.
pub(crate) async fn number(suite: &Suite, query: &str) -> Result<f64> {
    let data = asked(suite, "query", &[("query", query)]).await?;
    let value = data["result"][0]["value"][1].as_str().with_context(|| format!("no data for {query}"))?;
    Ok(value.parse()?)
}

/// The first expression of a panel.
pub(crate) fn panel(dashboard: &str, title: &str) -> Result<String> {
    // They are named as JSON says them.
    let name = format!("{dashboard:?}: {title:?}");
    let found = panels()?.into_iter().find(|(panel, _)| *panel == name).with_context(|| format!("no panel {name}"))?;
    Ok(found.1)
}

/// Every process of the suite is scraped, as app and as sidecar, and every rule is evaluated.
pub(crate) async fn every_target_is_up(suite: &Suite) -> Result<()> {
    let processes = 2 * suite.stack().instances().len();
    eventually("every process is scraped", SCRAPED, async || {
        let targets = asked(suite, "targets", &[("state", "active")]).await?;
        let targets = targets["activeTargets"].as_array().context("targets")?;
        let down: Vec<&Value> = targets.iter().filter(|target| target["health"] != "up").collect();
        ensure!(targets.len() == processes && down.is_empty(), "{} of {processes}, not up: {down:?}", targets.len());
        Ok(Some(()))
    })
    .await?;
    eventually("every rule is evaluated", SCRAPED, async || {
        let groups = asked(suite, "rules", &[]).await?;
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
    .await
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

/// What others count: Prometheus itself, kube-state-metrics, cert-manager.
const FOREIGN: [&str; 3] = ["up", "kube_resourcequota", "certmanager_certificate_expiration_timestamp"];

/// A metric without what its kind and its unit put behind its name.
fn bare(name: &str) -> &str {
    let kinds = ["_total", "_bucket", "_count", "_sum", "_info"];
    let name = kinds.iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(name);
    ["_seconds", "_bytes"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

/// The metrics that an expression asks for: its words that are neither text, label, function nor operator.
fn asked_for(expression: &str) -> BTreeSet<String> {
    // Labels stand in braces, times in brackets, and both in the parentheses behind these words.
    let (mut plain, mut depth, mut rest) = (String::new(), 0_u32, expression);
    while let Some(letter) = rest.chars().next() {
        let grouping = ["by (", "without (", "ignoring (", "on ("].iter().find(|word| rest.starts_with(**word));
        if let (Some(word), 0) = (grouping, depth) {
            let end = rest.find(')').map_or(rest.len(), |at| at + 1);
            rest = &rest[end.max(word.len())..];
            continue;
        }
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            letter if depth == 0 => plain.push(letter),
            _ => {}
        }
        rest = &rest[letter.len_utf8()..];
    }
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found = BTreeSet::new();
    let mut rest = plain.as_str();
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_alphabetic()) {
        let end = rest[at..].find(|letter: char| !is_word(letter)).map_or(rest.len(), |end| at + end);
        let (word, after) = (&rest[at..end], rest[end..].trim_start());
        if !after.starts_with('(') && !["or", "and", "unless"].contains(&word) {
            found.insert(word.to_owned());
        }
        rest = &rest[end..];
    }
    found
}

/// What a panel shows where there is nothing (`or vector(0)`) would hide that nobody counts what it asks for. Seen red: a misspelt
/// `events_duplicates_total` in a panel, an alert on `notification_sent_total`.
#[test]
fn contract_no_panel_and_no_alert_asks_for_what_nobody_counts() -> Result<()> {
    let mut counted: BTreeSet<String> = FOREIGN.map(str::to_owned).into();
    for folder in ["apps", "crates/service/src"] {
        for source in files(&root()?.join(folder), ".rs")? {
            let text = std::fs::read_to_string(source)?;
            for call in ["register(", "register_with_unit(", "encode_descriptor("] {
                let names = text.split(call).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
                counted.extend(names.map(|name| bare(name).to_owned()));
            }
        }
    }
    ensure!(counted.len() > 30, "{counted:?}");
    let alerts = alerts()?.into_iter().map(|(alert, expression, _)| (alert, expression));
    let mut asked = 0;
    for (who, expression) in panels()?.into_iter().chain(alerts) {
        for name in asked_for(&expression) {
            ensure!(counted.contains(bare(&name)), "{who} asks for {name}, which nobody counts: {expression}");
            asked += 1;
        }
    }
    ensure!(asked > 50, "{asked} metrics were looked up");
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
    every_target_is_up(&suite).await?;
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
