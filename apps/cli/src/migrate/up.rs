//! `outrigger migrate up`: applies what is missing.

use anyhow::Result;
use clap::Args;

use super::{Common, each};

/// Which apps.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Apps; every app with a schema when none is named
    apps: Vec<String>,

    #[command(flatten)]
    common: Common,
}

/// Applies, and says what was applied.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    each(&arguments.common, &arguments.apps, "up", Some("applied now")).await
}
