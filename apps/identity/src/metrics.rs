//! What identity counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Labels of an attempt to get in.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct AttemptLabels {
    /// `sign_up`, `sign_in`, `session`, `client_credentials`, `password` or `refresh`.
    pub operation: &'static str,
    /// `ok` or `refused`.
    pub result: &'static str,
}

/// Labels of an invitation.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct InvitationLabels {
    /// `made`, `used` or `revoked`.
    pub outcome: &'static str,
}

/// Its counters. Cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
    invitations: Family<InvitationLabels, Counter>,
}

impl Metrics {
    /// Registers them beside those of every process.
    pub fn register(of_process: &service::metrics::Metrics) -> Self {
        let metrics = Self::default();
        of_process.register(|registry| {
            registry.register("auth_attempts", "Attempts to get in", metrics.attempts.clone());
            registry.register("invitations", "Invitations by what became of them", metrics.invitations.clone());
        });
        metrics
    }

    /// Someone got in, or something out.
    pub fn passed(&self, operation: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { operation, result: "ok" }).inc();
    }

    /// Someone was turned away.
    pub fn refused(&self, operation: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { operation, result: "refused" }).inc();
    }

    /// Somebody was invited, came by it, or the invitation was taken back.
    pub fn invitation(&self, outcome: &'static str) {
        self.invitations.get_or_create(&InvitationLabels { outcome }).inc();
    }
}
