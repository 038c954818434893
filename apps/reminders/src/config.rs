//! The settings of this app.

use std::fmt;
use std::str::FromStr;

use service::config::{Environment, FromEnvironment};

/// What tells reminders that time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerBy {
    /// The clock of each sidecar.
    Cron,
    /// The clock, and for each reminder a job of Dapr's scheduler.
    Jobs,
}

/// Settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What tells that time has passed.
    pub trigger: TriggerBy,
}

impl FromEnvironment for Settings {
    fn read(environment: &mut Environment) -> Self {
        let meaning = "cron, or jobs: the clock and for each reminder a job of Dapr's scheduler";
        Self { trigger: environment.get("REMINDER_TRIGGER", TriggerBy::Cron, meaning) }
    }
}

impl fmt::Display for TriggerBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cron => "cron",
            Self::Jobs => "jobs",
        })
    }
}

impl FromStr for TriggerBy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cron" => Ok(Self::Cron),
            "jobs" => Ok(Self::Jobs),
            _ => Err("it is cron or jobs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_alone_is_the_default_and_a_misspelt_trigger_is_named() {
        let with = |value: &str| {
            let mut environment = Environment::of([("REMINDER_TRIGGER".to_owned(), value.to_owned())]);
            (Settings::read(&mut environment).trigger, environment.problems().len())
        };
        assert_eq!([with(""), with("jobs"), with("job")], [(TriggerBy::Cron, 0), (TriggerBy::Jobs, 0), (TriggerBy::Cron, 1)]);
    }
}
