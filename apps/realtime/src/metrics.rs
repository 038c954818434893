//! What it counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

/// Bounds in seconds: a change must be seen within one.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0];

/// Labels of a closed socket.
pub type CloseLabels = [(&'static str, String); 1];

/// Realtime's own counts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Sockets that are open.
    pub active: Gauge,
    /// Sockets opened since the start.
    pub opened: Counter,
    /// Sockets closed since the start, by close code.
    pub closed: Family<CloseLabels, Counter>,
    /// From the change to its frame on the wire.
    pub latency: Histogram,
}

impl Metrics {
    /// Registers them beside those of every process.
    pub fn register(platform: &service::metrics::Metrics) -> Self {
        let metrics = Self {
            active: Gauge::default(),
            opened: Counter::default(),
            closed: Family::default(),
            latency: Histogram::new(BOUNDS),
        };
        platform.register(|registry| {
            registry.register("websocket_connections_active", "Sockets that are open", metrics.active.clone());
            registry.register("websocket_connections", "Sockets opened since the start", metrics.opened.clone());
            registry.register("websocket_closed", "Sockets closed since the start", metrics.closed.clone());
            registry.register_with_unit(
                "websocket_message_latency",
                "From the change to its frame on the wire",
                Unit::Seconds,
                metrics.latency.clone(),
            );
        });
        metrics
    }
}
