//! `outrigger dlq discard`: gives a letter up for good. It stays in the list of discarded ones, with who did it.

use anyhow::Result;
use clap::Args;
use uuid::Uuid;

use super::PATH;
use crate::api::{Access, Body};
use crate::output::say;

/// Which letter.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Of the letter, as the list says it
    id: Uuid,

    #[command(flatten)]
    access: Access,
}

/// Discards it.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { id, access } = arguments;
    access.sign_in().await?.post(&format!("{PATH}/{id}/discard"), &[], Body::None).await?;
    say(&format!("{id} is discarded.\n"));
    Ok(())
}
