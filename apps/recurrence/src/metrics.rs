//! What follows completed tasks, counted.

use prometheus_client::metrics::counter::Counter;

use crate::tasks::Made;

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    made: Counter,
}

impl Metrics {
    /// Registers them.
    pub fn new(service: &service::metrics::Metrics) -> Self {
        let metrics = Self::default();
        service.register(|registry| {
            registry.register("tasks_recurred", "Next instances of recurring tasks that were made", metrics.made.clone());
        });
        metrics
    }

    /// Counts one.
    pub fn count(&self, made: Made) {
        if let Made::New(_) = made {
            self.made.inc();
        }
    }
}
