//! What the containers of `docker-compose.yml` run. Secrets, settings, sidecars and apps are those of one machine; the servers have names instead
//! of ports, and each container holds one app and its sidecar.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::instance::Instance;
use crate::options::{Options, Set};
use crate::part::Program;
use crate::parts::app::Surroundings;
use crate::parts::{app, daprd, postgres, redis};
use crate::ports::Address;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::secrets::{Addresses, Kept, random_text, write_private};
use crate::suite::Suite;
use crate::supervisor::stop;
use crate::{front, tools, topics};

// The names and ports of the services in docker-compose.yml.
const POSTGRES: Address = Address { host: "postgres", port: 5432 };
const REDIS: Address = Address { host: "redis", port: 6379 };
const KAFKA: Address = Address { host: "kafka", port: 9092 };
const ZIPKIN: Address = Address { host: "zipkin", port: 9411 };
const SMTP: Address = Address { host: "mailbox", port: 1025 };
const INBOX: Address = Address { host: "mailbox", port: 8025 };

/// Every container has its own address, so every app has the same port.
const APP_PORT: u16 = 7100;
/// A broker that was started now answers by then.
const BROKER_PATIENCE: Duration = Duration::from_secs(120);
/// How the pair of this container was started, for `metadata`, which is another process in it.
const PAIR: &str = "pair.json";

/// Makes the secrets that are not there yet, and writes what sidecars read into `run` and what the servers read into `servers`. Repeatable.
///
/// # Errors
/// When a file cannot be read or written.
pub fn prepare(root: &Path, run: &Path, servers: &Path) -> Result<()> {
    let suite = Suite::read(root)?;
    let apps: Vec<String> = suite.apps.iter().map(|app| app.app_id.clone()).collect();
    let run = RunDir::shared(run);
    let kept = Kept::load(&run.join("kept.json"), &apps)?;
    let addresses = Addresses { postgres: POSTGRES, redis: REDIS, kafka: KAFKA.to_string(), smtp: SMTP, inbox: INBOX };
    write_private(&run.join("secrets.json"), &serde_json::to_vec_pretty(&kept.render(&addresses, None)?)?)?;
    // The names of sidecars stay: those of the other containers may be running.
    daprd::render_configs(&run, &suite, Some(ZIPKIN))?;

    let password = kept.password("postgres")?;
    let service = format!(
        "[administrator]\nhost={}\nport={}\nuser=postgres\npassword={password}\ndbname=postgres\n",
        POSTGRES.host, POSTGRES.port
    );
    let files = [
        ("redis.conf", redis::settings_text("*", REDIS.port, kept.password("redis")?, Path::new("/data"))),
        ("postgres.password", password.to_owned()),
        ("pg_service.conf", service),
        ("database.sql", postgres::set_up_script(root, &kept)?),
    ];
    for (name, text) in files {
        let path = servers.join(name);
        // Each server reads as its own user; what keeps others away is that only the servers have this folder.
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Waits for the broker and makes the topics that are not there yet.
///
/// # Errors
/// When it does not answer in two minutes, or refuses one.
pub async fn create_topics() -> Result<()> {
    let tries = async {
        loop {
            match topics::create_all(KAFKA.host, KAFKA.port).await {
                // Not there yet: its name, its port, or its answer.
                Err(error) if error.downcast_ref::<std::io::Error>().is_some() => sleep(Duration::from_millis(250)).await,
                done => return done,
            }
        }
    };
    timeout(BROKER_PATIENCE, tries).await.with_context(|| format!("{KAFKA} does not answer"))?
}

/// The front door: `/ws` to realtime, everything else to the gateway, by the names that all instances of each share.
///
/// # Errors
/// When it cannot listen.
pub async fn front() -> Result<()> {
    let at = |app: &str| vec![format!("{app}:{APP_PORT}")];
    front::start((Ipv4Addr::UNSPECIFIED, APP_PORT).into(), at("gateway"), at("realtime")).await
}

/// Runs an app with its sidecar until one of them ends, which is an error, or `ended` is. Both are gone then.
///
/// # Errors
/// When there is no such app, a program cannot be started, or one ends unasked.
pub async fn pair(root: &Path, app: &str, public_url: &str, ended: impl Future<Output = ()>) -> Result<()> {
    let (sidecar, program) = programs(root, app, public_url)?;
    let mut daprd = start(&sidecar)?;
    let mut app = start(&program)?;
    let why = tokio::select! {
        status = app.wait() => Some(format!("{} ended: {}", program.name, status?)),
        status = daprd.wait() => Some(format!("{} ended: {}", sidecar.name, status?)),
        () = ended => None,
    };
    // An app finishes its work through its sidecar.
    for (child, of) in [(&mut app, &program), (&mut daprd, &sidecar)] {
        if let Some(pid) = child.id() {
            stop(child, pid, of.stop_signal).await;
        }
    }
    why.map_or(Ok(()), |why| bail!(why))
}

/// Whether the app of this container says that it is ready, and what it says else.
///
/// # Errors
/// With its own words, when it is not.
pub async fn ready() -> Result<()> {
    let probe = Probe::Http { port: APP_PORT, path: "/ready".to_owned() };
    if probe.ask().await {
        return Ok(());
    }
    bail!(probe.words().await.unwrap_or_else(|| format!("nothing listens on port {APP_PORT}")))
}

/// How to ask the sidecar of this container what it knows of itself: the URL, and the token that it wants to see (`dapr-api-token`).
///
/// # Errors
/// When no pair runs here.
pub fn metadata() -> Result<(String, String)> {
    let path = pair_file();
    let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let instance: Instance = serde_json::from_slice(&text)?;
    Ok((format!("http://{}/v1.0/metadata", Address::local(instance.dapr_http_port)), instance.dapr_api_token))
}

fn programs(root: &Path, app_id: &str, public_url: &str) -> Result<(Program, Program)> {
    let suite = Suite::read(root)?;
    let Some(of_file) = suite.apps.iter().find(|app| app.app_id == app_id) else {
        bail!("there is no app {app_id:?} in dapr.yaml");
    };
    let run = RunDir::shared(&root.join(".run"));
    let mut options = Options::new(root, run.path.clone());
    options.set = Set::Kafka;
    // The programs of the same build: beside this one.
    let here = std::env::current_exe().context("finding where this program is")?;
    options.bin_dir = here.parent().context("this program is in no folder")?.to_path_buf();
    let instance = Instance {
        app: app_id.to_owned(),
        index: 0,
        host: own_address()?,
        app_port: APP_PORT,
        dapr_http_port: 3500,
        dapr_grpc_port: 50001,
        dapr_internal_port: 50002,
        metrics_port: 9090,
        dapr_api_token: random_text()?,
        app_api_token: random_text()?,
        // Docker keeps what a container prints.
        log: PathBuf::from("/dev/stdout"),
        daprd_log: PathBuf::from("/dev/stdout"),
    };
    write_private(&pair_file(), &serde_json::to_vec(&instance)?)?;
    let around = Surroundings { zipkin_url: Some(format!("http://{ZIPKIN}/api/v2/spans")), public_url: public_url.to_owned() };
    let mut sidecar = daprd::program(&run, &options, &tools::daprd()?, &suite, &instance, None);
    // `.run/secrets.json` in the components is found from here.
    sidecar.folder = root.to_path_buf();
    let program = app::program(&run, &options, &suite, of_file, &instance, &around)?;
    Ok((sidecar, program))
}

fn start(program: &Program) -> Result<Child> {
    let mut command = Command::new(&program.path);
    program.equip(&mut command);
    command.spawn().with_context(|| format!("starting {}", program.path.display()))
}

fn pair_file() -> PathBuf {
    std::env::temp_dir().join(PAIR)
}

/// What the name of this container stands for on the network of the suite.
fn own_address() -> Result<IpAddr> {
    let name = nix::unistd::gethostname()?.to_string_lossy().into_owned();
    let found = (name.as_str(), 0).to_socket_addrs().with_context(|| format!("looking up this container's name, {name}"))?;
    let found = found.map(|address| address.ip()).find(IpAddr::is_ipv4);
    found.with_context(|| format!("this container's name, {name}, has no address"))
}
