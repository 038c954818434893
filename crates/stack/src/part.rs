//! A part: one process that is started, watched, started again when it ends, and disturbed on request.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::notice::{Progress, State};
use crate::probe::Probe;
use crate::supervisor::Supervisor;

/// Everything needed to start a process, again and again.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The part's one name, also that of its log.
    pub name: String,
    pub path: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Variables of the launcher that this process must not inherit.
    pub without: Vec<String>,
    pub folder: PathBuf,
    /// User and group to become; the launcher's own when absent.
    pub user: Option<(u32, u32)>,
    pub log: PathBuf,
    /// Where the process id is kept for the next launcher, should this one be killed.
    pub pid_file: PathBuf,
    pub probe: Probe,
    /// What asks it to end in order.
    pub stop_signal: Signal,
}

impl Program {
    /// Gives a command all that this program runs with.
    pub fn equip(&self, command: &mut Command) {
        for name in &self.without {
            command.env_remove(name);
        }
        command.args(&self.args).envs(self.env.iter().cloned()).current_dir(&self.folder).stdin(Stdio::null());
        // A group of its own: Ctrl-C at the terminal reaches the launcher only, which stops the parts in order.
        command.process_group(0).kill_on_drop(true);
    }
}

/// What a caller may ask of a part.
#[derive(Debug)]
pub(crate) enum Order {
    Start,
    Stop,
    Kill,
    Pause,
    Resume,
}

/// An order and where its completion is reported.
pub(crate) type Request = (Order, oneshot::Sender<()>);

/// A handle on the supervisor of one process.
#[derive(Debug)]
pub(crate) struct Part {
    pub name: String,
    pub log: PathBuf,
    pub probe: Probe,
    pub state: watch::Receiver<State>,
    orders: mpsc::Sender<Request>,
}

impl Part {
    /// Hands the program to a supervisor; the process starts when it is ordered to.
    pub fn new(runtime: &Handle, program: Program, progress: Progress) -> Self {
        let (orders, requests) = mpsc::channel(16);
        let (sender, state) = watch::channel(State::Stopped);
        let part = Self { name: program.name.clone(), log: program.log.clone(), probe: program.probe.clone(), state, orders };
        runtime.spawn(Supervisor::new(program, requests, sender, progress).run());
        part
    }

    /// Gives an order and waits until it is carried out.
    pub async fn order(&self, order: Order) -> Result<()> {
        let (reply, done) = oneshot::channel();
        let gone = || format!("the supervisor of {} has ended", self.name);
        self.orders.send((order, reply)).await.ok().with_context(gone)?;
        done.await.with_context(gone)
    }

    /// Waits until the part answers. A part that ends four times before it ever does is given up, with the end of its log.
    pub async fn ready(&self) -> Result<()> {
        let mut state = self.state.clone();
        let mut ends = 0;
        loop {
            let now = state.borrow_and_update().clone();
            match now {
                State::Ready => return Ok(()),
                State::Ended { why, .. } => {
                    ends += 1;
                    if ends >= 4 {
                        bail!("{} does not stay up: {why}\n{}", self.name, self.log_end());
                    }
                }
                _ => {}
            }
            state.changed().await.with_context(|| format!("the supervisor of {} has ended", self.name))?;
        }
    }

    /// The last lines of the part's log, for an error that a person reads.
    pub fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(8)..].join("\n  ");
        format!("{} ends with:\n  {last}", self.log.display())
    }
}
