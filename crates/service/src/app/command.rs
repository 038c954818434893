//! The command line of every app: to run, to print what it is, or to bring its schema up or down.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use super::life::{self, SIDECAR_PATIENCE};
use super::{App, StartError};
use crate::clock::Clock;
use crate::config::{EXIT_USAGE, Environment, FromEnvironment, Settings};
use crate::database::Database;
use crate::{migrate, telemetry};

/// BSD's `EX_UNAVAILABLE`: a part was missing at start; starting again may help.
const EXIT_UNAVAILABLE: u8 = 69;

/// Runs the app: the whole of every `main.rs`.
pub fn main<A: App>() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut environment = Environment::of_process();
    let settings = Settings::read(&mut environment);
    let own = A::Settings::read(&mut environment);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--openapi"] => return print(&A::openapi().to_pretty_json().unwrap_or_default()),
        ["--settings"] => return print_settings(&environment),
        ["--env"] => return print_example::<A>(),
        [] | ["migrate", "up" | "down" | "status"] => {}
        _ => return complain(A::ID, &["usage: [--openapi | --settings | --env | migrate up|down|status]".to_owned()]),
    }
    if !environment.problems().is_empty() {
        return complain(A::ID, environment.problems());
    }
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else { return ExitCode::FAILURE };
    let clock = Clock::default();
    telemetry::init(A::ID, &settings.log, clock.clone());
    let result = runtime.block_on(async {
        match arguments.get(1) {
            Some(verb) => migrate_only::<A>(&settings, verb).await,
            None => life::run::<A>(settings, own, clock).await,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "{} could not start", A::ID);
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

/// `<app> migrate up|down|status`, through the sidecar as everything else.
async fn migrate_only<A: App>(settings: &Settings, verb: &str) -> Result<(), StartError> {
    let sidecar = life::connect(settings, ())?;
    sidecar.wait(SIDECAR_PATIENCE).await?;
    let (database, migrations) = (Database::of(&sidecar, A::ID), migrate::all(A::MIGRATIONS));
    let said = match verb {
        "up" => format!("applied {:?}", migrate::up(database.sql(), &migrations).await?),
        "down" => format!("took back {:?}", migrate::down(database.sql(), &migrations).await?),
        _ => {
            let states = migrate::status(database.sql(), &migrations).await?;
            let line = |state: &migrate::State| {
                format!("{:03} {} {}", state.version, state.name, state.applied_at.as_deref().unwrap_or("-"))
            };
            states.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    print(&said);
    Ok(())
}

fn print_settings(environment: &Environment) -> ExitCode {
    let line = |setting: &crate::config::Setting| {
        format!("{}={} # {} ({})", setting.name, setting.value, setting.meaning, setting.source)
    };
    print(&environment.settings().iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The app's `.env.example`: its defaults, whatever this process was given.
fn print_example<A: App>() -> ExitCode {
    let mut nothing = Environment::default();
    Settings::read(&mut nothing);
    A::Settings::read(&mut nothing);
    print(nothing.example(A::ID).trim_end())
}

fn print(text: &str) -> ExitCode {
    // A closed standard output is the reader's choice.
    drop(writeln!(std::io::stdout(), "{text}"));
    ExitCode::SUCCESS
}

fn complain(app: &str, problems: &[String]) -> ExitCode {
    for problem in problems {
        drop(writeln!(std::io::stderr(), "{app}: {problem}"));
    }
    ExitCode::from(EXIT_USAGE)
}
