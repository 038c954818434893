//! `outrigger migrate`: the schemas of the running suite. Each app migrates its own, through its own sidecar and with its own role; this
//! runs the app's program with the environment that the launcher gave it.

mod down;
mod status;
mod up;

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use stack::{Running, RunningInstance};
use tokio::process::Command;

use crate::output::{json, note, table};
use crate::suite::Folder;
use crate::usage::Usage;

/// A file may wait for the lock of another instance, and a large table takes its time.
const PATIENCE: Duration = Duration::from_secs(600);

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Apply what is missing, of every app or of these
    Up(up::Arguments),
    /// Take back the newest version of these apps
    Down(down::Arguments),
    /// Say what is applied, of every app or of these
    Status(status::Arguments),
}

/// Which suite, and how it is printed.
#[derive(Args, Debug)]
struct Common {
    #[command(flatten)]
    folder: Folder,

    /// Print a list for programs
    #[arg(long)]
    json: bool,
}

/// One version of one app.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    app: String,
    version: i32,
    name: String,
    applied_at: Option<String>,
    /// What this command did to it.
    change: Option<&'static str>,
}

/// Does it.
pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Up(arguments) => up::run(arguments).await,
        Verb::Down(arguments) => down::run(arguments).await,
        Verb::Status(arguments) => status::run(arguments).await,
    }
}

/// Runs a verb for each app and prints where each stands then. An app that fails does not keep the others from their turn.
async fn each(common: &Common, apps: &[String], verb: &str, change: Option<&'static str>) -> Result<()> {
    let suite = common.folder.suite()?;
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for app in chosen(&suite, apps)? {
        match one(app, verb, change).await {
            Ok(of_app) => lines.extend(of_app),
            Err(error) => failures.push(format!("{}: {error:#}", app.instance.app)),
        }
    }
    if common.json {
        json(&lines)?;
    } else if !lines.is_empty() {
        let cells = |line: &Line| {
            let applied = line.applied_at.clone().unwrap_or_else(|| "-".to_owned());
            [
                line.app.clone(),
                format!("{:03}", line.version),
                line.name.clone(),
                applied,
                line.change.unwrap_or_default().to_owned(),
            ]
        };
        table(["APP", "VERSION", "NAME", "APPLIED", ""], &lines.iter().map(cells).collect::<Vec<_>>());
    }
    if failures.is_empty() { Ok(()) } else { bail!(failures.join("\n")) }
}

/// The first instance of each app that is meant; every app with a schema when none is named.
fn chosen<'a>(suite: &'a Running, apps: &[String]) -> Result<Vec<&'a RunningInstance>> {
    let owners: Vec<&RunningInstance> =
        suite.instances.iter().filter(|running| running.owns_schema && running.instance.index == 0).collect();
    let names = || owners.iter().map(|running| running.instance.app.as_str()).collect::<Vec<_>>().join(", ");
    for app in apps {
        if !owners.iter().any(|running| running.instance.app == *app) {
            return Err(Usage(format!("no app {app} with a schema runs here; those that do are {}", names())).into());
        }
    }
    if owners.is_empty() {
        bail!("no app with a schema runs here; was the suite started with --parts-only?");
    }
    Ok(owners.into_iter().filter(|running| apps.is_empty() || apps.contains(&running.instance.app)).collect())
}

async fn one(app: &RunningInstance, verb: &str, change: Option<&'static str>) -> Result<Vec<Line>> {
    let touched = match change {
        Some(_) => numbers(&ask(app, verb).await?),
        None => Vec::new(),
    };
    let mut lines = lines(&app.instance.app, &ask(app, "status").await?)?;
    for line in &mut lines {
        line.change = change.filter(|_| touched.contains(&line.version));
    }
    if change.is_some() && touched.is_empty() {
        note(&format!("{}: there was nothing to do", app.instance.app));
    }
    Ok(lines)
}

/// Runs `<app> migrate <verb>` beside the app's sidecar and gives what it printed.
async fn ask(app: &RunningInstance, verb: &str) -> Result<String> {
    let mut command = Command::new(&app.program);
    command.args(&app.args).args(["migrate", verb]).envs(&app.env).current_dir(&app.folder);
    // Warnings and errors only: what is printed is read here.
    command.env("LOG", "warn").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.with_context(|| format!("not done after {} s", PATIENCE.as_secs()))?;
    let output = output.with_context(|| format!("starting {}", app.program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{}", reason(&text).unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(text)
}

/// The last error that an app logged.
fn reason(text: &str) -> Option<String> {
    let logged = text.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok())?;
    logged["error"].as_str().or(logged["message"].as_str()).map(str::to_owned)
}

/// The versions in `applied [0, 1]` and `took back Some(1)`.
fn numbers(text: &str) -> Vec<i32> {
    let said = text.lines().filter(|line| line.starts_with("applied") || line.starts_with("took back"));
    said.flat_map(|line| line.split(|each: char| !each.is_ascii_digit()).filter_map(|number| number.parse().ok())).collect()
}

/// The lines `001 initial_schema 2026-03-01T10:00:00Z` of an app's own status; `-` is a version that is not applied.
fn lines(app: &str, text: &str) -> Result<Vec<Line>> {
    let words = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    words
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut next = || words.next().with_context(|| format!("{app} said {line:?}, which is no version"));
            let (version, name, applied_at) = (next()?.parse()?, next()?.to_owned(), next()?.to_owned());
            let applied_at = Some(applied_at).filter(|at| at != "-");
            Ok(Line { app: app.to_owned(), version, name, applied_at, change: None })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_prints_is_read_back() {
        let said = lines("tasks", "{\"level\":\"WARN\"}\n000 platform 2026-03-01T10:00:00Z\n001 initial_schema -\n").unwrap();
        assert_eq!(
            (said.len(), said[0].applied_at.as_deref(), said[1].applied_at.as_deref()),
            (2, Some("2026-03-01T10:00:00Z"), None)
        );
        assert_eq!((said[1].version, said[1].name.as_str()), (1, "initial_schema"));
        assert!(lines("tasks", "001").is_err());
        assert_eq!(numbers("applied [0, 1]\n"), [0, 1]);
        assert_eq!(numbers("took back Some(12)\n"), [12]);
        assert!(numbers("took back None\napplied []\n").is_empty());
        assert_eq!(reason("{\"error\":\"no\"}\n").as_deref(), Some("no"));
    }
}
