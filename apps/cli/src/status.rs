//! `outrigger status`: how every part of the running suite is, in its own words.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use stack::Look;

use crate::output::{json, say, table};
use crate::suite::Folder;

/// Which suite, and how it is printed.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,

    /// Print a list for programs
    #[arg(long)]
    json: bool,
}

/// What an app says at `/ready`.
#[derive(Debug, Deserialize)]
struct Ready {
    status: String,
    checks: BTreeMap<String, String>,
}

/// One part.
#[derive(Debug, Serialize)]
struct Line {
    part: String,
    state: String,
    /// What is not up, by name; empty when all is.
    missing: BTreeMap<String, String>,
}

/// Asks every part and prints a line for each; parts that cannot be used are a failure.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let suite = arguments.folder.suite()?;
    let looks = suite.look().await;
    let down = looks.iter().filter(|look| !look.ready).count();
    let lines: Vec<Line> = looks.into_iter().map(line).collect();
    if arguments.json {
        json(&lines)?;
    } else {
        say(&format!("{} with the {} components, process {}\n\n", suite.front_url, suite.set, suite.pid));
        let cells = |line: &Line| {
            let missing: Vec<String> = line.missing.iter().map(|(name, how)| format!("{name}: {how}")).collect();
            [line.part.clone(), line.state.clone(), missing.join(", ")]
        };
        table(["PART", "STATE", "MISSING"], &lines.iter().map(cells).collect::<Vec<_>>());
    }
    match down {
        0 => Ok(()),
        1 => bail!("one part cannot be used"),
        _ => bail!("{down} parts cannot be used"),
    }
}

fn line(look: Look) -> Line {
    let said = look.answer.and_then(|(_, body)| serde_json::from_str::<Ready>(&body).ok());
    match said {
        Some(Ready { status, mut checks }) => {
            checks.retain(|_, how| how != "up");
            Line { part: look.part, state: status, missing: checks }
        }
        // Servers and sidecars answer or do not.
        None => {
            let state = if look.ready { "ready" } else { "no answer" };
            Line { part: look.part, state: state.to_owned(), missing: BTreeMap::new() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_speaks_for_itself_and_only_what_is_missing_is_shown() {
        let body = r#"{"status":"degraded","checks":{"database":"up","pubsub":"down"}}"#.to_owned();
        let shown = line(Look { part: "tasks".to_owned(), ready: true, answer: Some((200, body)) });
        assert_eq!((shown.state.as_str(), shown.missing.len()), ("degraded", 1));
        assert_eq!(shown.missing["pubsub"], "down");
        let silent = line(Look { part: "redis".to_owned(), ready: false, answer: None });
        assert_eq!(silent.state, "no answer");
    }
}
