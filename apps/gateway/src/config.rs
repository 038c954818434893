//! The gateway's own settings.

use std::time::Duration;

use service::config::{Environment, FromEnvironment};

/// Requests a minute and address on paths that need no token: enough for a person who mistypes, too few for guessing passwords.
const OPEN_RATE: u32 = 30;
/// How long an app that failed is left alone (ORC-050).
const BREAKER_OPEN_SECONDS: u64 = 30;

/// Its settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origins of other sites whose scripts may call the API.
    pub cors_origins: Vec<String>,
    /// Requests a minute and address on open paths.
    pub open_rate: u32,
    /// How long a circuit stays open before one request may try.
    pub breaker_open: Duration,
}

impl FromEnvironment for Config {
    fn read(environment: &mut Environment) -> Self {
        let origins =
            environment.get("CORS_ORIGINS", String::new(), "origins whose scripts may call the API, separated by commas");
        let cors_origins: Vec<String> =
            origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
        for origin in cors_origins.iter().filter(|origin| !is_origin(origin)) {
            environment.refuse(
                "CORS_ORIGINS",
                &format!("{origin:?} is not an origin such as https://example.org: scheme and host, no path"),
            );
        }
        Self {
            cors_origins,
            open_rate: environment.get("OPEN_RATE", OPEN_RATE, "requests a minute and address on paths that need no token"),
            breaker_open: Duration::from_secs(environment.get(
                "BREAKER_OPEN_SECONDS",
                BREAKER_OPEN_SECONDS,
                "how long an app that failed is left alone, seconds",
            )),
        }
    }
}

/// Scheme and authority only, as browsers send it (<https://www.rfc-editor.org/rfc/rfc6454#section-7>).
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_split_and_what_is_none_is_named() {
        let mut environment = Environment::of([("CORS_ORIGINS".into(), "https://a.example, http://localhost:3000".into())]);
        assert_eq!(Config::read(&mut environment).cors_origins, ["https://a.example", "http://localhost:3000"]);
        assert!(environment.problems().is_empty());
        for bad in ["*", "https://a.example/", "a.example", "https://", "null"] {
            let mut environment = Environment::of([("CORS_ORIGINS".into(), bad.into())]);
            Config::read(&mut environment);
            assert_eq!(environment.problems().len(), 1, "{bad}");
        }
    }
}
