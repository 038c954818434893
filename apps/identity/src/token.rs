//! What access tokens say: of a person, of a person's client, of an app of the suite.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::token::{AUDIENCE, Claims, DEFAULT_RATE, ISSUER};
use serde::Deserialize;
use uuid::Uuid;

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Holder {
    /// Who.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// The client that acts for them; absent for a session.
    pub client_id: Option<Uuid>,
    /// What they may do.
    pub scopes: Vec<String>,
    /// Their IANA zone.
    pub timezone: String,
    /// Requests a minute, when it is not everyone's.
    pub rate: Option<u32>,
}

impl Holder {
    /// The scope of a token: what was asked for, or all there is. None when more was asked for than there is.
    pub fn grant(&self, asked: Option<&str>) -> Option<String> {
        let Some(asked) = asked else { return Some(self.scopes.join(" ")) };
        let mut asked: Vec<&str> = asked.split_ascii_whitespace().collect();
        asked.dedup();
        let may = |scope: &&str| self.scopes.iter().any(|own| own == scope);
        (!asked.is_empty() && asked.iter().all(may)).then(|| asked.join(" "))
    }

    /// The part of an earlier grant that still holds: what was taken from a person since is gone from their next token.
    pub fn keep(&self, granted: &str) -> String {
        let still = |scope: &&str| self.scopes.iter().any(|own| own == scope);
        granted.split_ascii_whitespace().filter(still).collect::<Vec<_>>().join(" ")
    }

    /// What the token of a person says.
    pub fn claims(&self, scope: String, now: DateTime<Utc>, life: TimeDelta) -> Claims {
        Claims {
            user_id: Some(self.user_id),
            tenant_id: Some(self.tenant_id),
            client_id: self.client_id.map(|id| id.to_string()),
            zoneinfo: Some(self.timezone.clone()),
            rate: Some(self.rate.unwrap_or(DEFAULT_RATE)),
            ..of_app(&self.user_id.to_string(), scope, now, life)
        }
    }
}

/// What the token of an app says.
pub fn of_app(app: &str, scope: String, now: DateTime<Utc>, life: TimeDelta) -> Claims {
    Claims {
        sub: app.to_owned(),
        user_id: None,
        tenant_id: None,
        client_id: None,
        scope,
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        iat: now.timestamp(),
        exp: (now + life).timestamp(),
        jti: Uuid::new_v4(),
        zoneinfo: None,
        rate: None,
    }
}

/// The app that a scope of the form `internal:<app>` opens.
pub fn callee(scope: &str) -> Option<&str> {
    let app = scope.strip_prefix("internal:")?;
    let is_name = !app.is_empty() && app.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_name.then_some(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(scopes: &[&str]) -> Holder {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Holder {
            user_id: Uuid::from_u128(1),
            tenant_id: Uuid::from_u128(2),
            client_id: Some(Uuid::from_u128(3)),
            scopes,
            timezone: "UTC".into(),
            rate: None,
        }
    }

    #[test]
    fn nobody_gets_more_than_they_have() {
        let ada = holder(&["user"]);
        assert_eq!(ada.grant(None).as_deref(), Some("user"));
        assert_eq!(ada.grant(Some("user user")).as_deref(), Some("user"));
        assert_eq!(ada.grant(Some("user ops")), None);
        assert_eq!(ada.grant(Some("internal:tasks")), None);
        assert_eq!(ada.grant(Some(" ")), None);
        assert_eq!(ada.keep("user ops"), "user");
    }

    #[test]
    fn a_persons_token_names_them_and_an_apps_does_not() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let person = holder(&["user"]).claims("user".into(), now, TimeDelta::minutes(15));
        assert_eq!((person.exp - person.iat, person.rate, person.zoneinfo.as_deref()), (900, Some(60), Some("UTC")));
        assert_eq!((person.sub.parse().ok(), person.tenant_id), (person.user_id, Some(Uuid::from_u128(2))));
        let app = of_app("tasks", "internal:reminders".into(), now, TimeDelta::minutes(15));
        assert_eq!((app.sub.as_str(), app.user_id, app.tenant_id, app.rate), ("tasks", None, None, None));
        assert_ne!(app.jti, person.jti);
    }

    #[test]
    fn an_internal_scope_names_one_app() {
        assert_eq!(callee("internal:tasks"), Some("tasks"));
        for scope in ["user", "internal:", "internal:a b", "internal:tasks internal:audit", "internal:*"] {
            assert_eq!(callee(scope), None, "{scope}");
        }
    }
}
