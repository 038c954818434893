//! `outrigger migrate down`: takes back one version, and what its tables held is gone. Never without a name.

use anyhow::Result;
use clap::Args;

use super::{Common, each};

/// Which apps.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Apps; the newest version of each is taken back, with its data
    #[arg(required = true)]
    apps: Vec<String>,

    #[command(flatten)]
    common: Common,
}

/// Takes back, and says what was taken back.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    each(&arguments.common, &arguments.apps, "down", Some("taken back")).await
}
