//! Prometheus, which scrapes every app and every sidecar and knows the suite's alerts.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::instance::Instance;
use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::tools;

/// One Prometheus for these instances, with the rules that clusters have too.
pub(crate) fn program(run: &RunDir, root: &Path, instances: &[Instance], port: u16) -> Result<Program> {
    let settings = run.join("prometheus.yaml");
    let rules = root.join("monitoring/prometheus/alerts.yaml");
    std::fs::write(&settings, config(&rules, instances)).with_context(|| format!("writing {}", settings.display()))?;
    let args = [
        format!("--config.file={}", settings.display()),
        format!("--storage.tsdb.path={}", run.join("prometheus").display()),
        "--storage.tsdb.retention.time=7d".to_owned(),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--log.level=warn".to_owned(),
    ];
    let probe = Probe::Http { port, path: "/-/ready".to_owned() };
    Ok(parts::program(run, "prometheus", &tools::prometheus()?, args.to_vec(), probe))
}

/// The labels are those of `monitoring/prometheus/prometheus.yaml`, which finds the same in a cluster.
fn config(rules: &Path, instances: &[Instance]) -> String {
    let mut text = format!(
        "# Rendered at each start; change crates/stack/src/parts/prometheus.rs instead.
global: {{ scrape_interval: 5s, evaluation_interval: 5s }}
rule_files: [{:?}]
scrape_configs:
",
        rules.display().to_string()
    );
    for job in ["apps", "sidecars"] {
        let _ = writeln!(text, "  - job_name: {job}\n    static_configs:");
        for instance in instances {
            let port = if job == "apps" { instance.app_port } else { instance.metrics_port };
            let (app, pod) = (&instance.app, instance.part());
            let _ = writeln!(text, "      - {{ targets: ['127.0.0.1:{port}'], labels: {{ app: {app}, pod: {pod} }} }}");
        }
    }
    text
}
