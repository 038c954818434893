//! One circuit for each app behind the gateway: an app that fails is left alone for a while, and no other suffers for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use service::health::Notes;
use service::{Code, Problem};

use crate::breaker::{Admission, Breaker, State};
use crate::metrics::{Metrics, TargetLabels};

/// Failures in a row that open a circuit (ORC-050).
const FAILURES: u32 = 5;

/// The circuits by app.
pub struct Circuits {
    by_app: BTreeMap<&'static str, Arc<Circuit>>,
}

struct Circuit {
    app: &'static str,
    breaker: Mutex<Breaker>,
    gauge: Gauge,
    notes: Notes,
}

impl Circuits {
    /// All closed.
    pub fn new(apps: Vec<&'static str>, open_for: Duration, metrics: &Metrics, notes: &Notes) -> Self {
        let circuit = |app| {
            let gauge = metrics.circuits.get_or_create(&TargetLabels { target: app }).clone();
            (app, Arc::new(Circuit { app, breaker: Mutex::new(Breaker::new(FAILURES, open_for)), gauge, notes: notes.clone() }))
        };
        Self { by_app: apps.into_iter().map(circuit).collect() }
    }

    /// Asks to send one request to `app`.
    ///
    /// # Errors
    /// 503 while its circuit is open.
    pub fn admit(&self, app: &str) -> Result<Permit, Problem> {
        let circuit = self.by_app.get(app).cloned().ok_or_else(Problem::not_found)?;
        match circuit.change(|breaker| breaker.admit(Instant::now())) {
            Admission::Refused { wait } => {
                let seconds = wait.as_secs_f64().ceil().max(1.0);
                Err(Problem::new(Code::Unavailable, "This part has failed and is left alone for a moment.")
                    .retry_after(seconds as u64))
            }
            admission => Ok(Permit { circuit, admission, reported: false }),
        }
    }
}

impl Circuit {
    /// Tells the breaker something and shows where it stands then.
    fn change<T>(&self, tell: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.lock();
        let before = name(breaker.state());
        let told = tell(&mut breaker);
        let after = name(breaker.state());
        self.gauge.set(number(breaker.state()));
        drop(breaker);
        if before != after {
            self.notes.tell(format!("circuit {}", self.app), after);
            tracing::warn!(target_app = self.app, from = before, to = after, "circuit changed");
        }
        told
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::Closed { .. } => "closed",
        State::Open { .. } => "open",
        State::HalfOpen => "half-open",
    }
}

/// The value of `circuit_breaker_state`.
fn number(state: State) -> i64 {
    match state {
        State::Closed { .. } => 0,
        State::HalfOpen => 1,
        State::Open { .. } => 2,
    }
}

/// Leave to send one request; dropped without a word, it counts for nothing.
pub struct Permit {
    circuit: Arc<Circuit>,
    admission: Admission,
    reported: bool,
}

impl Permit {
    /// The app answered.
    pub fn succeeded(&mut self) {
        self.reported = true;
        self.circuit.change(|breaker| breaker.succeeded(self.admission));
    }

    /// The app failed.
    pub fn failed(&mut self) {
        self.reported = true;
        self.circuit.change(|breaker| breaker.failed(self.admission, Instant::now()));
    }

    /// Whether the same request may be tried once more: a probe is one request, and an open circuit lets nothing pass.
    pub fn may_repeat(&self) -> bool {
        self.admission == Admission::Pass && matches!(self.circuit.lock().state(), State::Closed { .. })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.reported {
            self.circuit.change(|breaker| breaker.abandoned(self.admission, Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_apps_failures_leave_the_others_alone() {
        let metrics = Metrics::default();
        let circuits = Circuits::new(vec!["tasks", "audit"], Duration::from_secs(30), &metrics, &Notes::default());
        for _ in 0..FAILURES {
            circuits.admit("tasks").unwrap().failed();
        }
        assert_eq!(circuits.admit("tasks").err().unwrap().code(), Code::Unavailable);
        assert!(circuits.admit("audit").is_ok());
        assert_eq!(metrics.circuits.get_or_create(&TargetLabels { target: "tasks" }).get(), 2);
    }

    #[test]
    fn a_probe_whose_client_went_away_does_not_keep_the_circuit_shut() {
        let circuits = Circuits::new(vec!["tasks"], Duration::ZERO, &Metrics::default(), &Notes::default());
        for _ in 0..FAILURES {
            circuits.admit("tasks").unwrap().failed();
        }
        drop(circuits.admit("tasks").unwrap());
        circuits.admit("tasks").unwrap().succeeded();
        assert!(circuits.admit("tasks").is_ok());
    }
}
