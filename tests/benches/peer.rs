//! Create and list against the same two operations in Python (`tests/peer/app.py`): FastAPI, SQLAlchemy with asyncpg and the same Dapr.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use tests::eventually;

use crate::ground::Ground;
use crate::machine::{pid, pss, with_children};
use crate::report::{Goal, Report};
use crate::stats::{Samples, Way, alone, alternate};

/// Callers at a time.
const CALLERS: usize = 8;
/// One turn of one side; each has [`TURNS`].
const TURN: Duration = Duration::from_secs(4);
const TURNS: usize = 3;
const WARM: Duration = Duration::from_secs(2);
/// How many tasks the lists are of.
const TASKS: usize = 200;
/// Processes of the peer: as many as there are cores; ours is one with as many threads.
const WORKERS: &str = "2";
/// The goals of issue 4.
const CREATES: f64 = 6.0;
const READS: f64 = 4.0;
const MEMORY: f64 = 0.15;

/// The running peer; it ends with this.
struct Peer {
    process: Child,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Asked to end, it ends its workers too; killed, it leaves them.
        drop(Command::new("kill").arg(self.process.id().to_string()).status());
        drop(self.process.wait());
    }
}

/// Measures both sides in turns.
///
/// # Errors
/// When a call fails, or Python's packages cannot be had.
pub async fn measure(root: &Path, ground: &Ground, report: &mut Report) -> Result<()> {
    // A list counts what there is: both sides have the same.
    let ground = &ground.of_somebody_new().await?;
    let peer = start(root, ground).await?;
    let body = json!({ "title": "Submit report", "priority": "high", "due_at": "2099-03-01T14:00:00Z" });
    let create: [Way<'_>; 2] = [
        Box::new(|_| ground.direct("tasks", Method::POST, "/tasks", Some(&body), 201).map(|answer| answer.map(drop)).boxed()),
        Box::new(|_| ground.at(peer.port, Method::POST, "/tasks", Some(&body), 201).map(|answer| answer.map(drop)).boxed()),
    ];
    let list: [Way<'_>; 2] = [
        Box::new(|_| ground.direct("tasks", Method::GET, "/tasks", None, 200).map(|answer| answer.map(drop)).boxed()),
        Box::new(|_| ground.at(peer.port, Method::GET, "/tasks", None, 200).map(|answer| answer.map(drop)).boxed()),
    ];
    for number in 0..TASKS {
        for way in &create {
            way(number).await?;
        }
    }
    // Lists first: creates make more on the faster side.
    for (what, ways, goal) in [("lists", list, READS), ("creates", create, CREATES)] {
        alternate(CALLERS, WARM, &ways).await?;
        let mut rates = [0.0; 2];
        let mut times: [Samples; 2] = Default::default();
        for turn in 0..TURNS * 2 {
            let side = turn % 2;
            let (samples, took) = alone(CALLERS, TURN, &ways[side]).await?;
            rates[side] += samples.len() as f64 / took.as_secs_f64() / TURNS as f64;
            times[side].extend(samples);
            // What the side before left to be published is not the next one's work.
            ground.drained().await?;
        }
        let detail = format!(
            "{:.0} against {:.0} a second, p50 {:.1} against {:.1} ms, {CALLERS} callers",
            rates[0],
            rates[1],
            times[0].at(0.5),
            times[1].at(0.5)
        );
        report.add(format!("{what} a second, tasks ÷ FastAPI"), rates[0] / rates[1], "", Goal::Least(goal), detail);
    }
    let ours = pss(pid(ground.stack(), &ground.instance("tasks")?.part())?)?;
    let theirs = with_children(peer.process.id())?.into_iter().map(|each| pss(each).unwrap_or_default()).sum::<f64>();
    let detail = format!("{ours:.1} MB against {theirs:.1} MB of {WORKERS} workers and their parent, after the load");
    report.add("memory (PSS), tasks ÷ FastAPI".to_owned(), ours / theirs, "", Goal::Most(MEMORY), detail);
    Ok(())
}

/// Installs what it needs into a folder of its own and starts it on a free port.
async fn start(root: &Path, ground: &Ground) -> Result<Peer> {
    let (source, venv) = (root.join("tests/peer"), root.join("target/peer"));
    if !venv.join("bin/uvicorn").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "-r"]).arg(source.join("requirements.txt")))?;
    }
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let tasks = ground.instance("tasks")?;
    let settings: [(&str, String); 5] = [
        ("DATABASE_URL", ground.stack().postgres_url().replacen("postgres://", "postgresql+asyncpg://", 1)),
        ("JWKS_URL", format!("http://127.0.0.1:{}/.well-known/jwks.json", ground.instance("identity")?.app_port)),
        ("DAPR_HTTP_PORT", tasks.dapr_http_port.to_string()),
        ("DAPR_API_TOKEN", tasks.dapr_api_token.clone()),
        ("TOPIC", "probes".to_owned()),
    ];
    run(Command::new(venv.join("bin/python")).arg(source.join("app.py")).envs(settings.clone()))?;
    let process = Command::new(venv.join("bin/uvicorn"))
        .args(["app:app", "--workers", WORKERS, "--no-access-log", "--log-level", "warning", "--port", &port.to_string()])
        .args(["--timeout-graceful-shutdown", "5"])
        .arg("--app-dir")
        .arg(&source)
        .envs(settings)
        .spawn()?;
    let peer = Peer { process, port };
    eventually("the peer answers", Duration::from_secs(30), async || {
        Ok(ground.at(port, Method::GET, "/tasks", None::<&Value>, 200).await.ok().map(drop))
    })
    .await?;
    Ok(peer)
}

fn run(command: &mut Command) -> Result<()> {
    let ended = command.status()?;
    ensure!(ended.success(), "{command:?} ended with {ended}");
    Ok(())
}
