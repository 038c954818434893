//! The life of one process: spawn, wait until it answers, and start it again when it ends unasked.

use std::fs::OpenOptions;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::notice::{Notice, Progress, State};
use crate::part::{Order, Program, Request};
use crate::tools;
use crate::tree::{signal_one, signal_tree};

const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// Who stayed up this long has earned a quick restart again.
const STEADY: Duration = Duration::from_secs(5);
/// How long a process may take to end in order; apps give their requests 25 s.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_millis(100);

/// Owns the process; nobody else signals or reaps it.
pub(crate) struct Supervisor {
    program: Program,
    requests: mpsc::Receiver<Request>,
    state: watch::Sender<State>,
    progress: Progress,
}

/// How one run of the process came to its end.
enum End {
    Unasked { why: String, steady: bool },
    Asked(Option<oneshot::Sender<()>>),
}

impl Supervisor {
    pub fn new(program: Program, requests: mpsc::Receiver<Request>, state: watch::Sender<State>, progress: Progress) -> Self {
        Self { program, requests, state, progress }
    }

    /// Obeys until the handle is dropped.
    pub async fn run(mut self) {
        while let Some((order, reply)) = self.requests.recv().await {
            let start = matches!(order, Order::Start);
            let _ = reply.send(());
            if start && !self.keep_running().await {
                return;
            }
        }
    }

    /// Keeps the process running until it is asked to stop; false when nobody is left to ask.
    async fn keep_running(&mut self) -> bool {
        let mut delay = FIRST_DELAY;
        loop {
            match self.run_once().await {
                End::Asked(Some(reply)) => {
                    self.tell(State::Stopped);
                    let _ = reply.send(());
                    return true;
                }
                End::Asked(None) => return false,
                End::Unasked { why, steady } => {
                    if steady {
                        delay = FIRST_DELAY;
                    }
                    self.tell(State::Ended { why, again_in: delay });
                    if let Some(over) = self.rest(delay).await {
                        return over;
                    }
                    delay = (delay * 2).min(LONGEST_DELAY);
                }
            }
        }
    }

    /// Waits before the next try. `Some` means that there is none: true when stopped, false when nobody is left to ask.
    async fn rest(&mut self, delay: Duration) -> Option<bool> {
        let until = Instant::now() + delay;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return None,
                request = self.requests.recv() => {
                    let Some((order, reply)) = request else { return Some(false) };
                    let stop = matches!(order, Order::Stop);
                    let start = matches!(order, Order::Start);
                    if stop {
                        self.tell(State::Stopped);
                    }
                    let _ = reply.send(());
                    if stop {
                        return Some(true);
                    }
                    if start {
                        return None;
                    }
                }
            }
        }
    }

    async fn run_once(&mut self) -> End {
        self.tell(State::Starting);
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => {
                return End::Unasked { why: format!("{error:#}"), steady: false };
            }
        };
        let Some(pid) = child.id() else {
            return End::Unasked { why: "ended at once".to_owned(), steady: false };
        };
        let _ = std::fs::write(&self.program.pid_file, format!("{pid}\n{}", self.program.path.display()));
        let end = self.watch(&mut child, pid).await;
        let _ = std::fs::remove_file(&self.program.pid_file);
        end
    }

    async fn watch(&mut self, child: &mut Child, pid: u32) -> End {
        let mut ready_since: Option<Instant> = None;
        let mut paused = false;
        let mut killers: Vec<oneshot::Sender<()>> = Vec::new();
        let probe = self.program.probe.clone();
        loop {
            let waiting = ready_since.is_none() && !paused;
            tokio::select! {
                status = child.wait() => {
                    let why = match status {
                        Ok(status) => status.to_string(),
                        Err(error) => error.to_string(),
                    };
                    for reply in killers {
                        let _ = reply.send(());
                    }
                    return End::Unasked { why, steady: ready_since.is_some_and(|since| since.elapsed() >= STEADY) };
                }
                request = self.requests.recv() => {
                    let Some((order, reply)) = request else {
                        stop(child, pid, self.program.stop_signal).await;
                        return End::Asked(None);
                    };
                    match order {
                        Order::Stop => {
                            stop(child, pid, self.program.stop_signal).await;
                            return End::Asked(Some(reply));
                        }
                        Order::Kill => {
                            signal_tree(pid, Signal::SIGKILL);
                            // Reported when the process is gone, so that the caller sees no last answer of it.
                            killers.push(reply);
                        }
                        Order::Pause => {
                            signal_tree(pid, Signal::SIGSTOP);
                            paused = true;
                            self.tell(State::Paused);
                            let _ = reply.send(());
                        }
                        Order::Resume => {
                            signal_tree(pid, Signal::SIGCONT);
                            paused = false;
                            self.tell(if ready_since.is_some() { State::Ready } else { State::Starting });
                            let _ = reply.send(());
                        }
                        Order::Start => {
                            let _ = reply.send(());
                        }
                    }
                }
                ready = async { sleep(PROBE_EVERY).await; probe.ask().await }, if waiting => {
                    if ready {
                        ready_since = Some(Instant::now());
                        self.tell(State::Ready);
                    }
                }
            }
        }
    }

    fn spawn(&self) -> Result<Child> {
        let program = &self.program;
        let log = OpenOptions::new().create(true).append(true).open(&program.log);
        let log = log.with_context(|| format!("opening {}", program.log.display()))?;
        // A launcher that dies by SIGKILL cannot stop anything; where the kernel offers it, its children end with it.
        let mut command = match tools::find("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(&program.path);
                command
            }
            None => Command::new(&program.path),
        };
        program.equip(&mut command);
        command.stdout(log.try_clone()?).stderr(log);
        if let Some((user, group)) = program.user {
            command.uid(user).gid(group);
        }
        command.spawn().with_context(|| format!("starting {}", program.path.display()))
    }

    fn tell(&self, state: State) {
        self.state.send_replace(state.clone());
        (self.progress)(Notice { part: self.program.name.clone(), state });
    }
}

/// Asks the process to end, and makes it end when it does not.
pub(crate) async fn stop(child: &mut Child, pid: u32, signal: Signal) {
    signal_one(pid, signal);
    signal_tree(pid, Signal::SIGCONT);
    if timeout(STOP_PATIENCE, child.wait()).await.is_err() {
        signal_tree(pid, Signal::SIGKILL);
        let _ = child.wait().await;
    }
}
