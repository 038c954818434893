//! Settings of its own.

use chrono::TimeDelta;
use service::config::{Environment, FromEnvironment};

/// How long a row is kept when nothing is said.
const RETENTION_DAYS: u32 = 90;

/// What audit is told at start.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long rows and settled letters are kept.
    pub retention: TimeDelta,
}

impl FromEnvironment for Settings {
    fn read(environment: &mut Environment) -> Self {
        let days: u32 = environment.get("AUDIT_RETENTION_DAYS", RETENTION_DAYS, "how long rows of the log are kept, days");
        if days == 0 {
            environment.refuse("AUDIT_RETENTION_DAYS", "must be at least 1");
        }
        Self { retention: TimeDelta::days(i64::from(days)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_no_days_is_refused() {
        let mut environment = Environment::of([("AUDIT_RETENTION_DAYS".into(), "0".into())]);
        Settings::read(&mut environment);
        assert_eq!(environment.problems().len(), 1);
    }

    #[test]
    fn ninety_days_unless_told_otherwise() {
        assert_eq!(Settings::read(&mut Environment::default()).retention, TimeDelta::days(90));
    }
}
