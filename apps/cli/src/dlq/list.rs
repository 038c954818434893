//! `outrigger dlq list`: the letters that wait for an operator, or any others.

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{letters, text};
use crate::api::Access;
use crate::output::{json, say, table};

/// Which letters.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// How far they are
    #[arg(long, default_value = "open")]
    state: State,

    /// Topic the event came from
    #[arg(long)]
    topic: Option<String>,

    /// App that gave up
    #[arg(long)]
    app: Option<String>,

    /// Print a list for programs
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Open,
    Replayed,
    Discarded,
    All,
}

impl State {
    fn filter(self) -> Option<&'static str> {
        match self {
            State::Open => Some("open"),
            State::Replayed => Some("replayed"),
            State::Discarded => Some("discarded"),
            State::All => None,
        }
    }
}

/// Lists them.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut api = arguments.access.sign_in().await?;
    let filter = [("state", arguments.state.filter()), ("topic", arguments.topic.as_deref()), ("app", arguments.app.as_deref())];
    let filter: Vec<(&str, &str)> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let found = letters(&mut api, &filter).await?;
    if arguments.json {
        return json(&found);
    }
    if found.is_empty() {
        say("There are no such letters.\n");
        return Ok(());
    }
    let cells = |letter: &Value| {
        let app = letter["app"].as_str().unwrap_or("(its sidecar)");
        let field = |name| text(letter, name).to_owned();
        [field("id"), field("state"), field("failed_at"), field("topic"), field("event_type"), app.to_owned(), field("reason")]
    };
    let rows: Vec<[String; 7]> = found.iter().map(cells).collect();
    table(["ID", "STATE", "FAILED", "TOPIC", "EVENT", "APP", "REASON"], &rows);
    Ok(())
}
