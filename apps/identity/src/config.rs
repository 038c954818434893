//! How long what identity gives out lives.

use chrono::TimeDelta;
use service::config::{Environment, FromEnvironment};

const DAY: u32 = 24 * 3600;

/// Its own settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Life of an access token: what a stolen one is worth at most.
    pub access_token: TimeDelta,
    /// Life of a refresh token; each use gives a new one with a full life.
    pub refresh_token: TimeDelta,
    /// Life of a session since it was last used.
    pub session: TimeDelta,
    /// How often what has ended is removed.
    pub purge_every: std::time::Duration,
}

impl FromEnvironment for Settings {
    fn read(environment: &mut Environment) -> Self {
        let access = seconds(environment, "ACCESS_TOKEN_SECONDS", 900, "life of an access token, seconds");
        let refresh = seconds(environment, "REFRESH_TOKEN_SECONDS", 30 * DAY, "life of a refresh token, seconds");
        let session = seconds(environment, "SESSION_SECONDS", 30 * DAY, "life of a session since it was last used, seconds");
        let purge =
            seconds(environment, "PURGE_SECONDS", 3600, "how often sessions and tokens that have ended are removed, seconds");
        Self {
            access_token: TimeDelta::seconds(access.into()),
            refresh_token: TimeDelta::seconds(refresh.into()),
            session: TimeDelta::seconds(session.into()),
            purge_every: std::time::Duration::from_secs(purge.into()),
        }
    }
}

fn seconds(environment: &mut Environment, name: &'static str, default: u32, meaning: &'static str) -> u32 {
    let value = environment.get(name, default, meaning);
    if value == 0 {
        environment.refuse(name, "must be at least 1");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_of_nothing_is_refused_by_name() {
        let mut environment = Environment::of([("ACCESS_TOKEN_SECONDS".into(), "0".into())]);
        Settings::read(&mut environment);
        assert_eq!(environment.problems(), ["ACCESS_TOKEN_SECONDS: must be at least 1"]);
    }

    #[test]
    fn the_defaults_are_a_quarter_of_an_hour_and_thirty_days() {
        let settings = Settings::read(&mut Environment::default());
        assert_eq!((settings.access_token, settings.session), (TimeDelta::minutes(15), TimeDelta::days(30)));
    }
}
