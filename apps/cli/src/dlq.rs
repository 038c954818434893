//! `outrigger dlq`: the events that apps gave up, through the public API.

mod discard;
mod list;
mod replay;
mod show;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use clap::Subcommand;
use contracts::Page;
use serde_json::Value;

use crate::api::Api;

/// Where letters are.
const PATH: &str = "v1/admin/dlq";

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List letters, newest first
    List(list::Arguments),
    /// Show one letter with its event
    Show(show::Arguments),
    /// Hand an event to the app that gave it up, once more
    Replay(replay::Arguments),
    /// Give a letter up for good
    Discard(discard::Arguments),
}

/// Does it.
pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::List(arguments) => list::run(arguments).await,
        Verb::Show(arguments) => show::run(arguments).await,
        Verb::Replay(arguments) => replay::run(arguments).await,
        Verb::Discard(arguments) => discard::run(arguments).await,
    }
}

/// Every letter that the filter lets through, newest first.
async fn letters(api: &mut Api, filter: &[(&str, &str)]) -> Result<Vec<Value>> {
    let (mut letters, mut seen) = (Vec::new(), BTreeSet::new());
    let mut offset = 0;
    loop {
        let start = offset.to_string();
        let query = [filter, &[("limit", "100"), ("offset", &start)]].concat();
        let page: Page<Value> = serde_json::from_value(api.get(PATH, &query).await?).context("this is no page of letters")?;
        offset += page.items.len();
        let more = page.has_more && !page.items.is_empty();
        // A letter that came meanwhile moves the others on by one, and the last of a page comes again.
        letters.extend(page.items.into_iter().filter(|letter| seen.insert(text(letter, "id").to_owned())));
        if !more {
            return Ok(letters);
        }
    }
}

/// A field of a letter; empty where it says nothing.
fn text<'a>(letter: &'a Value, field: &str) -> &'a str {
    letter[field].as_str().unwrap_or_default()
}
