//! What this app counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

/// Bounds in seconds: a tick comes every 10 s, 30 s is the promise, 60 s is the alert.
const LATENESS: [f64; 10] = [1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0];
/// Bounds in reminders, up to a full batch.
const BATCHES: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 200.0];

/// Counts. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    /// Reminders set, or set again.
    pub scheduled: Counter,
    /// Reminders whose time came.
    pub triggered: Counter,
    /// Reminders that will not fire, expired ones included.
    pub cancelled: Counter,
    /// Reminders still to come, as of the last tick.
    pub pending: Gauge,
    /// Time between when a reminder was to fire and when it did.
    pub lateness: Histogram,
    /// Reminders taken in one claim.
    pub claim_batch: Histogram,
}

impl Metrics {
    /// Registers them all.
    pub fn new(base: &service::metrics::Metrics) -> Self {
        let metrics = Self {
            scheduled: Counter::default(),
            triggered: Counter::default(),
            cancelled: Counter::default(),
            pending: Gauge::default(),
            lateness: Histogram::new(LATENESS),
            claim_batch: Histogram::new(BATCHES),
        };
        base.register(|registry| {
            registry.register("reminders_scheduled", "Reminders set, or set again", metrics.scheduled.clone());
            registry.register("reminders_triggered", "Reminders whose time came", metrics.triggered.clone());
            registry.register("reminders_cancelled", "Reminders that will not fire", metrics.cancelled.clone());
            registry.register("reminders_pending", "Reminders still to come, as of the last tick", metrics.pending.clone());
            registry.register_with_unit("reminder_lateness", "How late reminders fired", Unit::Seconds, metrics.lateness.clone());
            registry.register("reminder_claim_batch", "Reminders taken in one claim", metrics.claim_batch.clone());
        });
        metrics
    }
}
