//! The alerts that a validation is asked for, with a real Prometheus where the cluster's would be.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::eventually;
use tests::recorder::Scratch;

/// Where the API server leads to Prometheus.
const WAY: &str = "/api/v1/namespaces/monitoring/services/prometheus:http/proxy";
/// It looks at itself, later as if it were an app.
const SETTINGS: &str = "\
global: { scrape_interval: 200ms, evaluation_interval: 200ms }
rule_files: [rules.yaml]
scrape_configs:
  - job_name: others
    metrics_path: WAY/metrics
    static_configs: [{ targets: ['127.0.0.1:PORT'] }]
";
const SOON: Duration = Duration::from_secs(30);

/// A cluster of which nothing is there but the way to Prometheus.
const KUBECTL: &str = r#"#!/bin/bash
case "$*" in
  "proxy --port=0") echo "Starting to serve on 127.0.0.1:$PORT"; exec sleep 30 ;;
esac
"#;

struct Prometheus {
    scratch: Scratch,
    port: u16,
    process: Child,
}

impl Prometheus {
    fn start() -> Result<Self> {
        let scratch = Scratch::new()?;
        scratch.program("bin/kubectl", KUBECTL)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let settings = SETTINGS.replace("WAY", WAY).replace("PORT", &port.to_string());
        std::fs::write(scratch.path("prometheus.yaml"), settings)?;
        std::fs::write(scratch.path("rules.yaml"), "groups: []\n")?;
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", scratch.path("prometheus.yaml").display()));
        command.arg(format!("--storage.tsdb.path={}", scratch.path("data").display()));
        command.arg(format!("--web.external-url=http://127.0.0.1:{port}{WAY}"));
        command.args([&format!("--web.listen-address=127.0.0.1:{port}"), "--web.enable-lifecycle", "--log.level=error"]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("starting prometheus")?;
        Ok(Self { scratch, port, process })
    }

    /// From now on it has these rules.
    async fn rules(&self, rules: &str) -> Result<()> {
        std::fs::write(self.scratch.path("rules.yaml"), format!("groups: [{{ name: story, rules: [{rules}] }}]\n"))?;
        let url = format!("http://127.0.0.1:{}{WAY}/-/reload", self.port);
        ensure!(
            reqwest::Client::builder().timeout(SOON).build()?.post(url).send().await?.status().is_success(),
            "the rules are not taken"
        );
        Ok(())
    }

    /// What the validation says of alerts: whether all is well, and its words.
    fn alerts(&self) -> Result<(bool, String)> {
        let arguments = ["--json", "--alerts", "--patience", "0"];
        let output =
            self.scratch.script("scripts/validate-deployment.sh", &arguments)?.env("PORT", self.port.to_string()).output()?;
        let verdict: Value = serde_json::from_slice(&output.stdout).with_context(|| tests::recorder::said(&output))?;
        let check = verdict["checks"].as_array().into_iter().flatten().find(|check| check["check"] == "alerts");
        let check = check.with_context(|| format!("no alerts in {verdict}"))?;
        Ok((check["ok"] == true, check["detail"].as_str().unwrap_or_default().to_owned()))
    }

    async fn says(&self, well: bool, words: &str) -> Result<()> {
        let what = format!("the validation says {words:?}");
        eventually(&what, SOON, async || {
            let said = self.alerts()?;
            ensure!(said == (well, words.to_owned()), "{said:?}");
            Ok(Some(()))
        })
        .await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Tried: severities not looked at, `firing` alone, the question whether an app is seen left out, no Prometheus taken for well, names without their
/// severity.
#[tokio::test]
async fn contract_a_validation_that_is_asked_for_alerts_names_each_and_is_well_without() -> Result<()> {
    let mut prometheus = Prometheus::start()?;
    prometheus.says(false, "Prometheus sees no app, and so no fault").await?;
    let settings = std::fs::read_to_string(prometheus.scratch.path("prometheus.yaml"))?;
    std::fs::write(prometheus.scratch.path("prometheus.yaml"), settings.replace("job_name: others", "job_name: apps"))?;
    prometheus.rules("").await?;
    prometheus.says(true, "Prometheus has none that fires").await?;
    prometheus
        .rules(
            r#"{ alert: Slow, expr: 'label_replace(vector(1), "app", "one", "", "") or vector(1)', labels: { severity: warning } },
            { alert: Soon, expr: vector(1), for: 1h, labels: { severity: critical } },
            { alert: Unnamed, expr: vector(1) },
            { alert: Watchdog, expr: vector(1), labels: { severity: none } },
            { alert: Known, expr: vector(1), labels: { severity: info } }"#,
        )
        .await?;
    prometheus.says(false, "Slow fires (warning); Soon is about to fire (critical); Unnamed fires").await?;
    prometheus.rules("{ alert: Known, expr: vector(1), labels: { severity: info } }").await?;
    prometheus.says(true, "Prometheus has none that fires").await?;

    prometheus.process.kill()?;
    let none = "no Prometheus answers in the namespace monitoring; scripts/setup-monitoring.sh installs it";
    prometheus.says(false, none).await
}
