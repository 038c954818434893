//! Dapr's scheduler, which keeps the jobs of all sidecars in an etcd of its own.

use anyhow::Result;

use crate::part::Program;
use crate::parts;
use crate::ports::FreePorts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::tools;

/// The name that its data belong to.
const ID: &str = "dapr-scheduler-server-0";

/// Where it listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// For sidecars.
    pub api: u16,
    /// For probes. It alone is on all interfaces: the program has a flag for its address and ignores it.
    health: u16,
    /// Of its etcd, for clients and for other members, which it has none of.
    client: u16,
    peer: u16,
}

impl Ports {
    /// Four that are free.
    pub fn take(free: &mut FreePorts) -> Result<Self> {
        Ok(Self { api: free.give()?, health: free.give()?, client: free.give()?, peer: free.give()? })
    }
}

/// One scheduler, alone in its cluster.
pub(crate) fn program(run: &RunDir, at: Ports) -> Result<Program> {
    let args = [
        format!("--id={ID}"),
        "--listen-address=127.0.0.1".to_owned(),
        format!("--port={}", at.api),
        // What it tells sidecars of where it is.
        format!("--override-broadcast-host-port=127.0.0.1:{}", at.api),
        format!("--healthz-port={}", at.health),
        "--etcd-client-listen-address=127.0.0.1".to_owned(),
        format!("--etcd-client-port={}", at.client),
        format!("--etcd-initial-cluster={ID}=http://127.0.0.1:{}", at.peer),
        format!("--etcd-data-dir={}", run.join("scheduler").display()),
        "--enable-metrics=false".to_owned(),
        "--log-as-json".to_owned(),
    ];
    let probe = Probe::Http { port: at.health, path: "/healthz".to_owned() };
    Ok(parts::program(run, "scheduler", &tools::scheduler()?, args.to_vec(), probe))
}
