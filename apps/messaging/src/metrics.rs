//! What this app counts.

use prometheus_client::metrics::counter::Counter;

/// Counts. Cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics {
    /// Conversations begun.
    pub conversations: Counter,
    /// Messages accepted, each once.
    pub messages: Counter,
}

impl Metrics {
    /// Registers them all.
    pub fn new(base: &service::metrics::Metrics) -> Self {
        let metrics = Self::default();
        base.register(|registry| {
            registry.register("conversations_created", "Conversations begun", metrics.conversations.clone());
            registry.register("messages_created", "Messages accepted, each once", metrics.messages.clone());
        });
        metrics
    }
}
