//! What each app reads from its environment is listed beside it, in `.env.example`, and nothing else is read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::Suite;

use crate::workspace::{files, root};

/// What any text is good for; of every other variable some texts are no value.
const TEXTS: [&str; 6] = ["DAPR_API_TOKEN", "APP_API_TOKEN", "ZIPKIN_URL", "PUBLIC_URL", "COMMIT", "LOG"];
/// BSD's `EX_USAGE`.
const USAGE: i32 = 64;

/// The apps of `dapr.yaml`.
fn apps() -> Result<Vec<String>> {
    let suite: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(root()?.join("dapr.yaml"))?)?;
    let list = suite["apps"].as_array().context("apps")?;
    Ok(list.iter().filter_map(|app| Some(app["appID"].as_str()?.to_owned())).collect())
}

/// The binary of an app, with no variable but these.
fn program(app: &str, variables: &BTreeMap<String, String>) -> Result<Command> {
    let program: PathBuf = Suite::options("settings")?.bin_dir.join(app);
    ensure!(program.is_file(), "is {app} built? `cargo build` does it");
    let mut command = Command::new(program);
    command.env_clear().envs(variables);
    Ok(command)
}

fn well(output: Output) -> Result<String> {
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The file of an app, its variables, and that each has a line of meaning above it.
fn example(app: &str) -> Result<(String, BTreeMap<String, String>)> {
    let text = std::fs::read_to_string(root()?.join("apps").join(app).join(".env.example")).with_context(|| app.to_owned())?;
    let (mut variables, mut above) = (BTreeMap::new(), "");
    for line in text.lines() {
        if let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            ensure!(above.strip_prefix("# ").is_some_and(|meaning| meaning.len() > 10), "{app}: nothing says what {name} means");
            ensure!(variables.insert(name.to_owned(), value.to_owned()).is_none(), "{app}: {name} stands twice");
        }
        above = line;
    }
    Ok((text, variables))
}

/// Seen red: a default changed in apps/gateway/src/config.rs, a line less in the file of audit.
#[test]
fn contract_what_an_app_reads_is_what_its_example_lists() -> Result<()> {
    for app in apps()? {
        let (text, variables) = example(&app)?;
        ensure!(variables.len() > 12, "{app}: {variables:?}");
        // Whatever the process itself was given.
        let given = BTreeMap::from([("APP_PORT".to_owned(), "1".to_owned()), ("APP_API_TOKEN".to_owned(), "hunter2".to_owned())]);
        let printed = well(program(&app, &given)?.arg("--env").output()?)?;
        ensure!(printed == text, "`target/debug/{app} --env > apps/{app}/.env.example` makes it true:\n{printed}");
        // The file is a whole environment: with it, every setting is what it was without.
        let settings = |variables: &BTreeMap<String, String>| -> Result<BTreeSet<String>> {
            let shown = well(program(&app, variables)?.arg("--settings").output()?)?;
            Ok(shown.lines().map(|line| line.rsplit_once(" (").map_or(line, |(setting, _)| setting).to_owned()).collect())
        };
        ensure!(settings(&variables)? == settings(&BTreeMap::new())?, "{app} does not begin as its example says");
    }
    Ok(())
}

/// None of them is needed to start, so none is missed; one that cannot be is named before anything starts, each of them. Seen red: a
/// setting of the gateway that falls back to its default in silence.
#[test]
fn contract_an_app_starts_without_any_variable_and_names_each_bad_one() -> Result<()> {
    for app in apps()? {
        let (_, variables) = example(&app)?;
        let port = BTreeMap::from([("APP_PORT".to_owned(), "0".to_owned())]);
        let mut process = program(&app, &port)?.stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(process.stdout.take().context("its standard output")?).lines();
        // It ends by itself when its sidecar does not come, and its output with it.
        let listens = lines.map_while(Result::ok).any(|line| line.contains("\"listening\""));
        process.kill()?;
        process.wait()?;
        ensure!(listens, "{app} does not start without variables");

        let bad = variables.keys().map(|name| (name.clone(), "no value/".to_owned())).collect();
        let output = program(&app, &bad)?.output()?;
        ensure!(output.status.code() == Some(USAGE), "{app}: {}", output.status);
        let said = String::from_utf8(output.stderr)?;
        for name in variables.keys().filter(|name| !TEXTS.contains(&name.as_str())) {
            ensure!(said.lines().any(|line| line.starts_with(&format!("{app}: {name}"))), "{app} does not name {name}:\n{said}");
        }
    }
    Ok(())
}

/// The environment is read in one place, and by the command line where its arguments are declared. Seen red: a `std::env::var_os` in
/// apps/web, a variable less in the example of the command line.
#[test]
fn contract_nothing_else_is_read_from_the_environment() -> Result<()> {
    let root = root()?;
    let mut of_cli = BTreeSet::new();
    for folder in ["apps", "crates"] {
        for source in files(&root.join(folder), ".rs")? {
            let path = source.strip_prefix(&root)?.to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&source)?;
            let reads: Vec<&str> = text
                .lines()
                .map(str::trim)
                .filter(|line| {
                    ["env::var", "var_os(", "vars_os(", "env = \"", "option_env!"].iter().any(|way| line.contains(way))
                })
                .collect();
            // The launcher looks for programs where the shell would.
            let excused = path.starts_with("crates/stack/") || path.contains("/tests/");
            if path.starts_with("apps/cli/src/") {
                of_cli.extend(reads.iter().filter_map(|line| Some(line.split('"').nth(1)?.to_owned())));
            } else if path == "crates/service/src/config.rs" {
                ensure!(reads == ["Self::of(std::env::vars())"], "{path}: {reads:?}");
            } else {
                ensure!(excused || reads.is_empty(), "{path} reads the environment itself: {reads:?}");
            }
        }
    }
    let listed: BTreeSet<String> = example("cli")?.1.into_keys().collect();
    ensure!(of_cli == listed, "the command line reads {of_cli:?}, apps/cli/.env.example lists {listed:?}");
    Ok(())
}
