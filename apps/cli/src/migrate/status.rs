//! `outrigger migrate status`: which versions there are and which are applied.

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

/// Says it.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    each(&arguments.common, &arguments.apps, "status", None).await
}
