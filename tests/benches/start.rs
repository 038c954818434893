//! The time from `outrigger dev` to ready, with the data of an earlier run.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use stack::Set;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::ground::binaries;
use crate::report::{Goal, Report, broker};

/// The last line of what it says when everything is ready.
const READY: &str = "Ctrl-C";
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts it, waits for its word, and ends it in order.
///
/// # Errors
/// When it does not become ready.
pub async fn measure(root: &Path, run_dir: &Path, set: Set, report: &mut Report) -> Result<()> {
    let began = Instant::now();
    let mut dev = Command::new(binaries(root).join("outrigger"))
        .args(["dev", "--components", set.name(), "--run-dir"])
        .arg(run_dir)
        .current_dir(root)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(dev.stdout.take().context("its words")?).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await? {
            if line.starts_with(READY) {
                return Ok(began.elapsed());
            }
        }
        bail!("outrigger dev ended before it was ready")
    };
    let took = tokio::time::timeout(PATIENCE, ready).await.context("outrigger dev is not ready")??;
    let goal = if set == Set::Kafka { 45.0 } else { 30.0 };
    let detail = "eight apps with their sidecars, PostgreSQL, Redis, Zipkin";
    report.add(format!("`outrigger dev` to ready, warm, {}", broker(set)), took.as_secs_f64(), " s", Goal::Most(goal), detail);

    let pid = dev.id().context("it runs")?.to_string();
    ensure!(std::process::Command::new("kill").args(["-INT", &pid]).status()?.success(), "it could not be told to end");
    // Whatever it says at its end is read, so that it does not wait for a reader.
    while lines.next_line().await?.is_some() {}
    ensure!(dev.wait().await?.success(), "outrigger dev did not end well");
    Ok(())
}
