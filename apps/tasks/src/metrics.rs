//! What happens to tasks, counted.

use contracts::task::Priority;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

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
}

/// What happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Made.
    Created,
    /// Changed, or restored.
    Updated,
    /// Completed.
    Completed,
    /// Deleted.
    Deleted,
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
        });
        metrics
    }

    /// Counts one.
    pub fn count(&self, what: What, priority: Priority) {
        let family = match what {
            What::Created => &self.created,
            What::Updated => &self.updated,
            What::Completed => &self.completed,
            What::Deleted => &self.deleted,
        };
        let priority = match priority {
            Priority::High => "high",
            Priority::Medium => "medium",
            Priority::Low => "low",
        };
        family.get_or_create(&ByPriority { priority }).inc();
    }
}
