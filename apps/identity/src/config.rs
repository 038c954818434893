//! How long what identity gives out lives.

use chrono::TimeDelta;
use service::config::{Environment, FromEnvironment};

const DAY: u32 = 24 * 3600;
/// A link that lets somebody in is forgotten in some mailbox long before.
const LONGEST_INVITATION: u32 = 365;

/// Its own settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Life of an access token: what a stolen one is worth at most.
    pub access_token: TimeDelta,
    /// Life of a refresh token; each use gives a new one with a full life.
    pub refresh_token: TimeDelta,
    /// Life of a session since it was last used.
    pub session: TimeDelta,
    /// Life of an invitation.
    pub invitation: TimeDelta,
    /// How often what has ended is removed.
    pub purge_every: std::time::Duration,
}

impl FromEnvironment for Settings {
    fn read(environment: &mut Environment) -> Self {
        let access = positive(environment, "ACCESS_TOKEN_SECONDS", 900, "life of an access token, seconds");
        let refresh = positive(environment, "REFRESH_TOKEN_SECONDS", 30 * DAY, "life of a refresh token, seconds");
        let session = positive(environment, "SESSION_SECONDS", 30 * DAY, "life of a session since it was last used, seconds");
        let invitation = positive(environment, "INVITATION_DAYS", 7, "life of an invitation, days");
        if invitation > LONGEST_INVITATION {
            environment.refuse("INVITATION_DAYS", "must be at most 365");
        }
        let purge = positive(environment, "PURGE_SECONDS", 3600, "how often what has ended is removed, seconds");
        Self {
            access_token: TimeDelta::seconds(access.into()),
            refresh_token: TimeDelta::seconds(refresh.into()),
            session: TimeDelta::seconds(session.into()),
            invitation: TimeDelta::days(invitation.into()),
            purge_every: std::time::Duration::from_secs(purge.into()),
        }
    }
}

fn positive(environment: &mut Environment, name: &'static str, default: u32, meaning: &'static str) -> u32 {
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
    fn an_invitation_ends_within_a_year() {
        for (days, wrong) in [("0", "must be at least 1"), ("366", "must be at most 365")] {
            let mut environment = Environment::of([("INVITATION_DAYS".into(), days.into())]);
            Settings::read(&mut environment);
            assert_eq!(environment.problems(), [format!("INVITATION_DAYS: {wrong}")]);
        }
    }

    #[test]
    fn the_defaults_are_a_quarter_of_an_hour_a_week_and_thirty_days() {
        let settings = Settings::read(&mut Environment::default());
        let lives = (settings.access_token, settings.invitation, settings.session);
        assert_eq!(lives, (TimeDelta::minutes(15), TimeDelta::days(7), TimeDelta::days(30)));
    }
}
