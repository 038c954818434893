//! Prometheus in the cluster: it finds every pod by its annotations and knows every alert.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::cluster::{kubectl, objects, said};
use tests::eventually;
use tests::suite::{is_long, variable};
use tokio::process::Command;

use super::tools::fed;
use super::{faults, name, verdict};
use crate::workspace::root;

/// Further words for `scripts/setup-monitoring.sh`, such as where the image comes from.
const MONITORING: &str = "OUTRIGGER_MONITORING";
/// Pods are looked up at once, and each is scraped every 15 s.
const SCRAPED: Duration = Duration::from_secs(60);

/// What Prometheus answers, its `data`.
async fn asked(path: &str) -> Result<Value> {
    let url = format!("/api/v1/namespaces/monitoring/services/prometheus:http/proxy/api/v1/{path}");
    let answer: Value = serde_json::from_str(&kubectl(&["get", "--raw", &url]).await?)?;
    ensure!(answer["status"] == "success", "{path}: {answer}");
    Ok(answer["data"].clone())
}

pub(super) async fn set_up() -> Result<()> {
    let mut command = Command::new(root()?.join("scripts/setup-monitoring.sh"));
    command.args(variable(MONITORING).unwrap_or_default().split_whitespace()).current_dir(root()?);
    said(command).await.map(drop)
}

async fn generation() -> Result<String> {
    kubectl(&["get", "statefulset", "prometheus", "-n", "monitoring", "-o", "jsonpath={.metadata.generation}"]).await
}

/// A series that ends with its Prometheus, and not by it, is seen for five minutes more; in seconds.
const FORGOTTEN: u32 = 360;
/// Its settings, while they are others.
const OF_STORY: &str = "prometheus-of-the-story";

/// One that always fires and one that is for reading only, after the suite's own.
const STORY: &str = r#"
  - name: story
    rules:
      - alert: AlwaysOfTheStory
        expr: vector(1)
        labels: { severity: warning }
      - alert: ReadOnlyOfTheStory
        expr: vector(1)
        labels: { severity: info }
"#;

/// Puts further rules beside those of the running Prometheus, by settings of another name: those of the same name may reach a new pod as they were.
async fn with_rules(more: &str) -> Result<()> {
    let of_pod = "jsonpath={.spec.template.spec.volumes[0].configMap.name}";
    let settings = kubectl(&["get", "statefulset", "prometheus", "-n", "monitoring", "-o", of_pod]).await?;
    let map = kubectl(&["get", "configmap", &settings, "-n", "monitoring", "-o", "json"]).await?;
    let mut map: Value = serde_json::from_str(&map)?;
    let rules = map["data"]["alerts.yaml"].as_str().context("alerts.yaml")?.trim_end().to_owned();
    map["data"]["alerts.yaml"] = Value::String(format!("{rules}\n{more}"));
    let own = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": OF_STORY }, "data": map["data"] });
    fed("kubectl", &["-n", "monitoring", "apply", "--server-side", "-f", "-"], &own.to_string()).await?;
    let other = json!([{ "op": "replace", "path": "/spec/template/spec/volumes/0/configMap/name", "value": OF_STORY }]);
    kubectl(&["patch", "statefulset", "prometheus", "-n", "monitoring", "--type=json", "--patch", &other.to_string()]).await?;
    rolled_out().await
}

async fn rolled_out() -> Result<()> {
    kubectl(&["rollout", "status", "statefulset/prometheus", "-n", "monitoring", "--timeout=120s"]).await.map(drop)
}

/// Only with OUTRIGGER_LONG: Prometheus is started again twice, and a rule shows as a series at its second evaluation.
///
/// What the gate of production asks: an alert that fires ends it by name, one that is for reading only does not, and it is well when it is gone.
#[tokio::test]
async fn cluster_a_validation_with_alerts_fails_by_the_name_of_one_that_fires() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    set_up().await?;
    let fired = fires().await;
    // The script puts back what is its own.
    set_up().await?;
    rolled_out().await?;
    kubectl(&["delete", "configmap", OF_STORY, "-n", "monitoring", "--ignore-not-found"]).await?;
    fired?;
    let after = verdict(FORGOTTEN, &["--alerts"]).await?;
    // What the stories before have done to pods may fire on its own.
    let faults = faults(&after);
    ensure!(
        faults.keys().all(|check| *check == "alerts") && !faults.values().any(|words| words.contains("OfTheStory")),
        "{after}"
    );
    Ok(())
}

async fn fires() -> Result<()> {
    with_rules(STORY).await?;
    eventually("the alert fires", SCRAPED, async || {
        // As a series: that begins when Prometheus has remembered what fired before it was started again.
        let firing = asked("query?query=ALERTS").await?.to_string();
        Ok((firing.contains("AlwaysOfTheStory") && firing.contains("ReadOnlyOfTheStory")).then_some(()))
    })
    .await?;
    let verdict = verdict(30, &["--alerts"]).await?;
    let faults = faults(&verdict);
    ensure!(faults.keys().eq(["alerts"].iter()), "{verdict}");
    let words = faults["alerts"];
    ensure!(words.contains("AlwaysOfTheStory fires (warning)") && !words.contains("ReadOnly"), "{words}");
    Ok(())
}

/// Seen red: another name of the sidecars' port in prometheus.yaml.
#[tokio::test]
async fn cluster_prometheus_finds_every_pod_and_knows_every_alert() -> Result<()> {
    set_up().await?;
    let before = generation().await?;
    set_up().await?;
    ensure!(generation().await? == before, "a second run changed something");
    eventually("every pod is scraped twice, as app and as sidecar", SCRAPED, async || {
        let pods = objects(&["pods", "--selector", "dapr.io/sidecar-injected=true"]).await?;
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let staying = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let wanted: BTreeSet<String> =
            staying.flat_map(|pod| ["apps", "sidecars"].map(|job| format!("{job} {}", name(pod)))).collect();
        let targets = asked("targets?state=active").await?;
        let targets = targets["activeTargets"].as_array().context("targets")?.iter();
        let label = |target: &Value, label: &str| target["labels"][label].as_str().unwrap_or_default().to_owned();
        let up: BTreeSet<String> = targets
            .filter(|target| target["health"] == "up" && label(target, "pod").starts_with(&label(target, "app")))
            .map(|target| format!("{} {}", label(target, "job"), label(target, "pod")))
            .collect();
        ensure!(wanted.len() >= 18 && wanted.is_subset(&up), "not up: {:?}", wanted.difference(&up));
        Ok(Some(()))
    })
    .await?;
    let groups = asked("rules").await?;
    let rules =
        groups["groups"].as_array().into_iter().flatten().flat_map(|group| group["rules"].as_array().into_iter().flatten());
    ensure!(rules.count() >= 14, "{groups}");
    Ok(())
}
