//! Settings: read once from the environment, before any port is bound; a bad one is named and the process exits with 64.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

/// BSD's `EX_USAGE`: started wrongly. Restarting will not help.
pub const EXIT_USAGE: u8 = 64;

/// A value that does not print: passwords, keys, tokens.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One setting as it is in force.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Name of the variable.
    pub name: &'static str,
    /// Value in force; `***` for a secret.
    pub value: String,
    /// `environment` or `default`.
    pub source: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Settings of one app, each with its default and its meaning.
pub trait FromEnvironment {
    /// Reads them; what is wrong is left in `environment`.
    fn read(environment: &mut Environment) -> Self;
}

impl FromEnvironment for () {
    fn read(_: &mut Environment) -> Self {}
}

/// Reads variables, remembers each for `--settings`, and collects what is wrong with them.
#[derive(Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    settings: Vec<Setting>,
    problems: Vec<String>,
}

impl Environment {
    /// From the process's own environment.
    pub fn of_process() -> Self {
        Self::of(std::env::vars())
    }

    /// From given variables.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().filter(|(_, value)| !value.is_empty()).collect(), ..Self::default() }
    }

    /// A variable with a default.
    pub fn get<T: FromStr + Display + Clone>(&mut self, name: &'static str, default: T, meaning: &'static str) -> T
    where
        T::Err: Display,
    {
        self.find(name, meaning).unwrap_or_else(|| {
            self.settings.push(Setting { name, value: default.to_string(), source: "default", meaning });
            default
        })
    }

    /// A variable that may be absent.
    pub fn optional<T: FromStr + Display>(&mut self, name: &'static str, meaning: &'static str) -> Option<T>
    where
        T::Err: Display,
    {
        let found = self.find(name, meaning);
        if found.is_none() {
            self.settings.push(Setting { name, value: String::new(), source: "default", meaning });
        }
        found
    }

    /// A variable that may be absent and must not be printed.
    pub fn secret(&mut self, name: &'static str, meaning: &'static str) -> Option<Secret> {
        let found = self.variables.get(name).map(Secret::new);
        let (value, source) = if found.is_some() { ("***", "environment") } else { ("", "default") };
        self.settings.push(Setting { name, value: value.into(), source, meaning });
        found
    }

    fn find<T: FromStr + Display>(&mut self, name: &'static str, meaning: &'static str) -> Option<T>
    where
        T::Err: Display,
    {
        let text = self.variables.get(name)?;
        match text.parse::<T>() {
            Ok(value) => {
                self.settings.push(Setting { name, value: value.to_string(), source: "environment", meaning });
                Some(value)
            }
            Err(error) => {
                self.problems.push(format!("{name}={text:?}: {error} ({meaning})"));
                None
            }
        }
    }

    /// Notes that `name` has a value that cannot be.
    pub fn refuse(&mut self, name: &'static str, why: &str) {
        self.problems.push(format!("{name}: {why}"));
    }

    /// What is wrong, if anything.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Every setting read so far, as it is in force.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The settings read so far as a file of variables to begin with: each with its meaning and its value in force, a secret without one.
    pub fn example(&self, app: &str) -> String {
        let mut text = format!(
            "# What {app} reads from its environment, as `{app} --env` prints it. Each is optional: what is empty or missing has the value here.\n"
        );
        for setting in &self.settings {
            text.push_str(&format!("\n# {}\n{}={}\n", setting.meaning, setting.name, setting.value));
        }
        text
    }
}

/// The settings of every process. Defaults are what a process beside a default daprd needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on; loopback unless a container says otherwise.
    pub host: std::net::IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// daprd's HTTP port.
    pub dapr_http_port: u16,
    /// daprd's gRPC port.
    pub dapr_grpc_port: u16,
    /// What daprd wants to see of us.
    pub dapr_api_token: Option<Secret>,
    /// What daprd shows of itself; without it the sidecar's routes trust whoever reaches the port.
    pub app_api_token: Option<Secret>,
    /// Zipkin's collector, such as `http://127.0.0.1:9411/api/v2/spans`; absent: no spans of our own.
    pub zipkin_url: Option<String>,
    /// Where people reach the suite; links in mails begin with it.
    pub public_url: String,
    /// What was built: a commit, or the tag of an image; `/health` tells it.
    pub commit: String,
    /// Filter for log lines, in `tracing` syntax.
    pub log: String,
    /// Time allowed for one call to the sidecar.
    pub call_timeout: Duration,
    /// Time a stopping process gives its requests.
    pub drain: Duration,
    /// How long published outbox rows are kept.
    pub outbox_retention: Duration,
    /// How long a key that identity publishes no more is still taken for good.
    pub keys_every: Duration,
}

impl Settings {
    /// Reads them.
    pub fn read(environment: &mut Environment) -> Self {
        let env = environment;
        Self {
            host: env.get("APP_HOST", std::net::IpAddr::from([127, 0, 0, 1]), "address to listen on"),
            port: env.get("APP_PORT", 7100, "port to listen on; 0 takes a free one"),
            dapr_http_port: env.get("DAPR_HTTP_PORT", 3500, "the sidecar's HTTP port"),
            dapr_grpc_port: env.get("DAPR_GRPC_PORT", 50001, "the sidecar's gRPC port"),
            dapr_api_token: env.secret("DAPR_API_TOKEN", "token the sidecar wants to see"),
            app_api_token: env.secret("APP_API_TOKEN", "token the sidecar shows"),
            zipkin_url: env.optional("ZIPKIN_URL", "Zipkin's collector, ending in /api/v2/spans"),
            public_url: env.get("PUBLIC_URL", "http://localhost:7100".to_owned(), "where people reach the suite"),
            commit: env.get(
                "COMMIT",
                "unknown".to_owned(),
                "the commit that was built, or the tag of its image; /health tells it",
            ),
            log: env.get("LOG", "info".to_owned(), "filter for log lines, such as info,tasks=debug"),
            call_timeout: Duration::from_millis(env.get(
                "CALL_TIMEOUT_MS",
                6_000,
                "time allowed for one call to the sidecar, milliseconds",
            )),
            drain: Duration::from_secs(env.get("DRAIN_SECONDS", 25, "time a stopping process gives its requests, seconds")),
            outbox_retention: Duration::from_secs(env.get(
                "OUTBOX_RETENTION_SECONDS",
                7 * 24 * 3600,
                "how long published outbox rows are kept, seconds",
            )),
            keys_every: Duration::from_secs(env.get("KEYS_SECONDS", 60, "how often identity's keys are fetched, seconds").max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_setting_is_named_and_the_others_are_still_read() {
        let mut environment = Environment::of([("APP_PORT".into(), "http".into()), ("DAPR_HTTP_PORT".into(), "3501".into())]);
        let settings = Settings::read(&mut environment);
        assert_eq!(settings.dapr_http_port, 3501);
        assert_eq!(environment.problems().len(), 1);
        assert!(environment.problems()[0].starts_with("APP_PORT=\"http\""));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let mut environment = Environment::of([("APP_API_TOKEN".into(), "hunter2".into())]);
        let settings = Settings::read(&mut environment);
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(environment.settings().iter().all(|setting| setting.value != "hunter2"));
    }
}
