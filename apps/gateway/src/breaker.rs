//! A circuit breaker: a state machine that is told the time and what happened, and knows nothing else.

use std::time::{Duration, Instant};

/// Where the circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Requests pass; `failures` in a row so far.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Requests are refused until then.
    Open {
        /// When one may try.
        until: Instant,
    },
    /// One request is trying; all others are refused.
    HalfOpen,
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Pass.
    Pass,
    /// Pass, and decide for all: its end must be reported.
    Probe,
    /// Not now.
    Refused {
        /// When to come back.
        wait: Duration,
    },
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Breaker {
    threshold: u32,
    open_for: Duration,
    state: State,
}

impl Breaker {
    /// Closed; opens after `threshold` failures in a row and stays open for `open_for`.
    pub fn new(threshold: u32, open_for: Duration) -> Self {
        Self { threshold, open_for, state: State::Closed { failures: 0 } }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Asks for one request.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until } if now >= until => {
                self.state = State::HalfOpen;
                Admission::Probe
            }
            State::Open { until } => Admission::Refused { wait: until - now },
            // The probe is under way; its answer is at most one timeout off.
            State::HalfOpen => Admission::Refused { wait: Duration::from_secs(1) },
        }
    }

    /// A request went well. One that began before the circuit opened says nothing about now.
    pub fn succeeded(&mut self, admission: Admission) {
        match (self.state, admission) {
            (State::Closed { .. }, _) | (State::HalfOpen, Admission::Probe) => self.state = State::Closed { failures: 0 },
            _ => {}
        }
    }

    /// A request failed.
    pub fn failed(&mut self, admission: Admission, now: Instant) {
        match (self.state, admission) {
            (State::Closed { failures }, _) if failures + 1 < self.threshold => {
                self.state = State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, _) | (State::HalfOpen, Admission::Probe) => {
                self.state = State::Open { until: now + self.open_for }
            }
            _ => {}
        }
    }

    /// A request ended without saying anything about the app, such as when its client went away: the next one may try.
    pub fn abandoned(&mut self, admission: Admission, now: Instant) {
        if (self.state, admission) == (State::HalfOpen, Admission::Probe) {
            self.state = State::Open { until: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(30);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(5, OPEN_FOR);
        for _ in 0..5 {
            assert_eq!(breaker.admit(now), Admission::Pass);
            breaker.failed(Admission::Pass, now);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_between_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(5, OPEN_FOR);
        for _ in 0..4 {
            breaker.failed(Admission::Pass, now);
        }
        breaker.succeeded(Admission::Pass);
        for _ in 0..4 {
            breaker.failed(Admission::Pass, now);
        }
        assert_eq!(breaker.admit(now), Admission::Pass);
        breaker.failed(Admission::Pass, now);
        assert_eq!(breaker.admit(now), Admission::Refused { wait: OPEN_FOR });
    }

    #[test]
    fn after_its_time_one_may_try_and_decides_for_all() {
        let now = Instant::now();
        let later = now + OPEN_FOR;
        let mut breaker = opened(now);
        assert!(matches!(breaker.admit(later - Duration::from_millis(1)), Admission::Refused { .. }));
        assert_eq!(breaker.admit(later), Admission::Probe);
        assert!(matches!(breaker.admit(later), Admission::Refused { .. }));
        breaker.succeeded(Admission::Probe);
        assert_eq!(breaker.state(), State::Closed { failures: 0 });

        let mut breaker = opened(now);
        assert_eq!(breaker.admit(later), Admission::Probe);
        breaker.failed(Admission::Probe, later);
        assert_eq!(breaker.admit(later), Admission::Refused { wait: OPEN_FOR });
    }

    #[test]
    fn a_probe_that_says_nothing_lets_the_next_one_try() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.admit(now + OPEN_FOR), Admission::Probe);
        breaker.abandoned(Admission::Probe, now + OPEN_FOR);
        assert_eq!(breaker.admit(now + OPEN_FOR), Admission::Probe);
    }

    #[test]
    fn an_answer_from_before_it_opened_changes_nothing() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.succeeded(Admission::Pass);
        assert!(matches!(breaker.state(), State::Open { .. }));
        breaker.admit(now + OPEN_FOR);
        breaker.succeeded(Admission::Pass);
        breaker.failed(Admission::Pass, now);
        assert_eq!(breaker.state(), State::HalfOpen);
    }
}
