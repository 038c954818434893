//! The driver of Chromium: one a run, started with the first page and ended with the run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::OnceCell;

use crate::eventually;

/// The browser, as Debian installs it.
pub const CHROMIUM: &str = "/usr/bin/chromium";
/// Its driver.
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
/// How long the driver may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

static ADDRESS: OnceCell<String> = OnceCell::const_new();

/// Where the run's driver listens.
///
/// # Errors
/// When it does not start.
pub async fn address(run_dir: &Path) -> Result<String> {
    ADDRESS.get_or_try_init(async || start(run_dir).await).await.cloned()
}

async fn start(run_dir: &Path) -> Result<String> {
    for program in [CHROMIUM, CHROMEDRIVER] {
        if !Path::new(program).exists() {
            bail!("{program} is missing: install Debian's packages chromium and chromium-driver");
        }
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let log = std::fs::File::create(run_dir.join("logs/chromedriver.log"))?;
    let mut command = driver(port);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let (started, outcome) = mpsc::channel();
    // The system ends the driver when the thread that started it ends, and this one ends with the run. The driver's end closes the
    // pipes its browsers listen to, and so theirs is certain as well.
    std::thread::Builder::new().name("chromedriver".into()).spawn(move || match command.spawn() {
        Ok(mut child) => {
            drop(started.send(Ok(())));
            drop(child.wait());
        }
        Err(error) => drop(started.send(Err(error))),
    })?;
    outcome.recv()??;
    let address = format!("http://127.0.0.1:{port}");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
    eventually("the driver of Chromium answers", PATIENCE, async || {
        let status = client.get(format!("{address}/status")).send().await?.error_for_status()?;
        Ok(status.text().await?.contains("\"ready\":true").then_some(()))
    })
    .await
    .with_context(|| format!("see {}", run_dir.join("logs/chromedriver.log").display()))?;
    Ok(address)
}

/// The command, ended with its parent where the system can do that.
fn driver(port: u16) -> Command {
    let port = format!("--port={port}");
    if Path::new("/usr/bin/setpriv").exists() {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--pdeathsig", "TERM", CHROMEDRIVER, &port]);
        command
    } else {
        let mut command = Command::new(CHROMEDRIVER);
        command.arg(&port);
        command
    }
}
