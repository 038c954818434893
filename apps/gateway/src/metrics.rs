//! What the gateway counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The app a circuit leads to.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct TargetLabels {
    /// App id.
    pub target: &'static str,
}

/// The limit that refused.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ScopeLabels {
    /// `write` or `open`.
    pub scope: &'static str,
}

/// Its counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// 0 closed, 1 half-open, 2 open.
    pub circuits: Family<TargetLabels, Gauge>,
    /// Requests refused by a limit.
    pub rejections: Family<ScopeLabels, Counter>,
    /// 1 while the counters' store is away and each instance counts by itself.
    pub limits_local: Gauge,
}

impl Metrics {
    /// Adds them to the exposition.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("circuit_breaker_state", "0 closed, 1 half-open, 2 open", self.circuits.clone());
        registry.register("rate_limit_rejections", "Requests refused by a limit", self.rejections.clone());
        registry.register(
            "rate_limit_local",
            "1 while the counters are away and each instance counts by itself",
            self.limits_local.clone(),
        );
    }
}
