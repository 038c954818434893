//! What happens to tasks, counted.

use std::time::Duration;

use contracts::task::Priority;
use contracts::update::Change;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;

use crate::store::Store;

/// How often the gauge is read anew: other instances make and complete tasks, too.
const GAUGE_EVERY: Duration = Duration::from_secs(10);

/// The label of a count by priority.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByPriority {
    priority: &'static str,
}

/// The counts.
#[derive(Clone, Default)]
pub struct Metrics {
    created: Family<ByPriority, Counter>,
    updated: Family<ByPriority, Counter>,
    completed: Family<ByPriority, Counter>,
    deleted: Family<ByPriority, Counter>,
    open: Gauge,
}

impl Metrics {
    /// Registers them.
    pub fn new(service: &service::metrics::Metrics) -> Self {
        let metrics = Self::default();
        service.register(|registry| {
            registry.register("tasks_created", "Tasks made", metrics.created.clone());
            registry.register("tasks_updated", "Tasks changed", metrics.updated.clone());
            registry.register("tasks_completed", "Tasks completed", metrics.completed.clone());
            registry.register("tasks_deleted", "Tasks deleted", metrics.deleted.clone());
            registry.register("tasks_open", "Tasks that are still to be done, everybody's", metrics.open.clone());
        });
        metrics
    }

    /// Counts one.
    pub fn count(&self, happened: Change, priority: Priority) {
        let family = match happened {
            Change::Created => &self.created,
            Change::Updated => &self.updated,
            Change::Completed => &self.completed,
            Change::Deleted => &self.deleted,
            Change::Recurred | Change::Notification => return,
        };
        let priority = match priority {
            Priority::High => "high",
            Priority::Medium => "medium",
            Priority::Low => "low",
        };
        family.get_or_create(&ByPriority { priority }).inc();
    }
}

/// Keeps the gauge of open tasks true until the process stops.
pub async fn watch_open(store: Store, metrics: Metrics, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(GAUGE_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => match store.count_open().await {
                Ok(open) => drop(metrics.open.set(open)),
                Err(error) => tracing::debug!(%error, "the open tasks could not be counted"),
            },
            _ = stop.changed() => return,
        }
    }
}
