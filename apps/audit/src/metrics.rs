//! What it counts.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;

use crate::store::Store;

/// How often the gauge is read anew: other instances keep and settle letters too.
const GAUGE_EVERY: Duration = Duration::from_secs(10);

/// Audit's own counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Rows of the log written.
    pub rows_written: Counter,
    /// Rows of the log removed by retention.
    pub rows_deleted: Counter,
    /// Dead letters that wait for an operator.
    pub letters_open: Gauge,
}

impl Metrics {
    /// Registers them beside those of every process.
    pub fn register(platform: &service::metrics::Metrics) -> Self {
        let metrics = Self::default();
        platform.register(|registry| {
            registry.register("audit_rows_written", "Rows of the log written", metrics.rows_written.clone());
            registry.register("audit_logs_deleted", "Rows of the log removed by retention", metrics.rows_deleted.clone());
            registry.register("dead_letters_open", "Dead letters that wait for an operator", metrics.letters_open.clone());
        });
        metrics
    }
}

/// Keeps the gauge of open letters true until the process stops.
pub async fn watch_open_letters(store: Store, metrics: Metrics, mut stop: watch::Receiver<bool>) {
    loop {
        match store.count_open_letters().await {
            Ok(open) => drop(metrics.letters_open.set(open)),
            Err(error) => tracing::debug!(%error, "the open letters could not be counted"),
        }
        tokio::select! {
            () = tokio::time::sleep(GAUGE_EVERY) => {}
            () = store.letters_changed() => {}
            _ = stop.wait_for(|&stop| stop) => return,
        }
    }
}
