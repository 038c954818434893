//! What this app counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::channel::Channel;

/// Labels of a notification that is done.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct SentLabels {
    /// `in_app`, `email` or `sms`.
    pub channel: &'static str,
    /// `sent`, `refused` or `failed`.
    pub result: &'static str,
}

/// Counts. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    sent: Family<SentLabels, Counter>,
}

impl Metrics {
    /// Registers them all.
    pub fn new(base: &service::metrics::Metrics) -> Self {
        let metrics = Self { sent: Family::default() };
        base.register(|registry| {
            registry.register("notifications_sent", "Notifications that are done, by what became of them", metrics.sent.clone())
        });
        metrics
    }

    /// Counts a notification that is done.
    pub fn done(&self, channel: Channel, result: &'static str) {
        self.sent.get_or_create(&SentLabels { channel: channel.name(), result }).inc();
    }
}
