//! Waits for the wish that this program ends: Ctrl-C, SIGTERM of whoever runs it, or a terminal that is closed.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// The ways in which a person or the system asks a program to end.
pub(crate) struct Ended {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Ended {
    /// From now on a wish is heard instead of ending the process at once.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// A second wish. What comes together with the first is the same wish: shells and terminals send it twice.
    pub(crate) async fn wait_again(&mut self) {
        let first = Instant::now();
        while first.elapsed() < Duration::from_millis(500) {
            self.wait().await;
        }
    }

    /// The first wish.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
