//! `outrigger users`: what a person may do.

mod grant;

use anyhow::Result;
use clap::Subcommand;

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Give a person a scope; `ops` makes an operator
    Grant(grant::Arguments),
}

/// Does it.
pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Grant(arguments) => grant::run(arguments).await,
    }
}
