//! Measures the suite against the bare sidecar path for the same work, both sides in one run, and writes docs/performance.md.
//!
//! `cargo bench -p tests` builds the apps for release, starts the suite on the Redis set and then on the Kafka set, and takes about eleven
//! minutes. Words after `--` choose some measurements (`statements`, `gateway`, `latency`, `drain`, `calls`, `memory`, `lists`, `peer`, `start`), and
//! `OUTRIGGER_BIN_DIR` names other binaries; the document is written only by a whole run of those that ship. `load` is made only when it is named.

mod calls;
mod drain;
mod gateway;
mod ground;
mod latency;
mod lists;
mod load;
mod machine;
mod memory;
mod peer;
mod report;
mod start;
mod statements;
mod stats;

use std::io::Write;

use anyhow::{Context, Result, ensure};
use stack::Set;
use tests::suite::{BINARIES, variable};

use crate::ground::Ground;
use crate::report::Report;

/// The apps that only listen: away while the path of one request is measured, so that their work is no noise in it.
const LISTENERS: [&str; 6] = ["recurrence", "reminders", "notifications", "realtime", "audit", "web"];

/// The measurements that a run makes.
struct Chosen(Vec<String>);

impl Chosen {
    /// From the command line; cargo adds options of its own.
    fn read() -> Self {
        Self(std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.is_empty() || self.names(name)
    }

    fn names(&self, name: &str) -> bool {
        self.0.iter().any(|chosen| chosen == name)
    }

    /// The number of a word such as `minutes=1`.
    fn number(&self, name: &str, otherwise: f64) -> Result<f64> {
        let said = self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        said.map_or(Ok(otherwise), |number| number.parse().with_context(|| format!("{name}={number}")))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let chosen = Chosen::read();
    let root = stack::find_root(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let mut report = Report::new();
    build(&root)?;
    for set in [Set::Local, Set::Kafka] {
        one_set(&root, set, &chosen, &mut report).await?;
    }
    say(&report.table())?;
    if chosen.0.is_empty() && variable(BINARIES).is_none() {
        report.write(&root.join("docs/performance.md"))?;
    }
    Ok(())
}

/// Everything on one component set. What has nothing to do with the broker is measured on the Redis set only.
async fn one_set(root: &std::path::Path, set: Set, chosen: &Chosen, report: &mut Report) -> Result<()> {
    let once = set == Set::Local;
    let wanted = ["latency", "drain", "start"]
        .into_iter()
        .chain(["memory", "statements", "gateway", "calls", "lists", "peer"].into_iter().filter(|_| once));
    let load = once && chosen.names("load");
    if !load && !wanted.into_iter().any(|name| chosen.has(name)) {
        return Ok(());
    }
    say(&format!("starting the suite on {}", set.name()))?;
    let ground = Ground::start(root, set).await?;
    let mut memory = memory::Memory::default();
    if once && chosen.has("memory") {
        say("memory, idle: 60 s without a request")?;
        memory.idle(&ground).await?;
    }
    if chosen.has("latency") || (once && chosen.has("memory")) {
        say("from the commit to the subscriber")?;
        memory.during(&ground, latency::measure(&ground, report)).await?;
    }
    if once && chosen.has("memory") {
        say("memory, loaded")?;
        memory.during(&ground, memory::load(&ground)).await?;
        memory.tell(report);
    }
    if load {
        say("a thousand people")?;
        load::measure(&ground, chosen, report).await?;
    }
    ground.stop(&LISTENERS).await?;
    if once && chosen.has("statements") {
        say("create and list against the bare statement")?;
        statements::measure(&ground, report).await?;
    }
    if once && chosen.has("calls") {
        say("sidecar calls a request")?;
        calls::measure(&ground, report).await?;
    }
    if once && chosen.has("gateway") {
        say("gateway against two bare sidecars")?;
        gateway::measure(&ground, report).await?;
    }
    if once && chosen.has("peer") {
        say("create and list against FastAPI")?;
        peer::measure(root, &ground, report).await?;
    }
    if chosen.has("drain") {
        say("20,000 rows out of the outbox")?;
        drain::measure(&ground, report).await?;
    }
    if once && chosen.has("lists") {
        say("lists of somebody with 100,000 tasks among a million")?;
        lists::measure(&ground, report).await?;
    }
    let run_dir = ground.end().await?;
    if chosen.has("start") {
        say("outrigger dev, warm")?;
        start::measure(root, &run_dir, set, report).await?;
    }
    Ok(std::fs::remove_dir_all(run_dir)?)
}

/// What a developer's build is not: the figures are those of the binaries that ship. Other binaries are taken as they are.
fn build(root: &std::path::Path) -> Result<()> {
    if variable(BINARIES).is_some() {
        return Ok(());
    }
    say("building the apps for release")?;
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--workspace", "--bins"])
        .current_dir(root)
        .status()?;
    ensure!(built.success(), "cargo build --release failed");
    Ok(())
}

/// Progress and the table, for whoever watches.
fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
