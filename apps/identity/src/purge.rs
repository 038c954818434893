//! Throws away sessions, refresh tokens and invitations that have ended. They are dead without it; this only keeps the tables small.

use std::time::Duration;

use service::Clock;
use tokio::sync::watch;

use crate::store::Store;

/// Runs until the process ends. Every instance may: what one has removed is no longer there for another.
pub async fn run(store: Store, clock: Clock, every: Duration, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|&stop| stop) => return,
        }
        match store.purge(clock.now()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "what had ended was removed"),
            Err(error) => tracing::warn!(%error, "what had ended could not be removed; the next round tries again"),
        }
    }
}
