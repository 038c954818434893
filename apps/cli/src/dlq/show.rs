//! `outrigger dlq show`: one letter, with the event as it was delivered.

use anyhow::Result;
use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::PATH;
use crate::api::Access;
use crate::output::{json, plain, say};

/// Which letter.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Of the letter, as the list says it
    id: Uuid,

    /// Print it for programs
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

/// Shows it.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let letter = arguments.access.sign_in().await?.get(&format!("{PATH}/{}", arguments.id), &[]).await?;
    if arguments.json {
        return json(&letter);
    }
    let fields = letter.as_object().into_iter().flatten().filter(|(name, value)| *name != "original" && !value.is_null());
    for (name, value) in fields {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        say(&format!("{:<12} {}\n", plain(name), plain(&shown)));
    }
    say(&format!("\n{}\n", event(&letter)?));
    Ok(())
}

/// JSON escapes what a terminal would obey, but for two ranges that it leaves as they are: DEL and the C1 controls.
fn event(letter: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(&letter["original"])?;
    Ok(text.lines().map(plain).collect::<Vec<_>>().join("\n"))
}
