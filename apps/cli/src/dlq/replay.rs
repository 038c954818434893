//! `outrigger dlq replay`: the app that gave an event up gets it again; an event that took effect already does nothing.

use anyhow::{Result, bail};
use clap::Args;
use uuid::Uuid;

use super::{PATH, letters, text};
use crate::api::{Access, Api, Body};
use crate::output::say;

/// Which letters.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,

    #[command(flatten)]
    access: Access,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// Of the letter, as the list says it
    id: Option<Uuid>,

    /// Every open letter, oldest first
    #[arg(long)]
    all: bool,
}

/// Replays them. One that fails again stays open and does not keep the others from their turn.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut api = arguments.access.sign_in().await?;
    let Some(id) = arguments.which.id else { return all(&mut api).await };
    one(&mut api, &id.to_string()).await?;
    say(&format!("{id} took effect.\n"));
    Ok(())
}

async fn all(api: &mut Api) -> Result<()> {
    let open = letters(api, &[("state", "open")]).await?;
    let mut failed = 0;
    for letter in open.iter().rev() {
        let id = text(letter, "id");
        match one(api, id).await {
            Ok(()) => say(&format!("{id} took effect.\n")),
            Err(error) => {
                failed += 1;
                say(&format!("{id} stays open: {error:#}\n"));
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} letters stay open", open.len());
    }
    say(&format!("{} letters were replayed.\n", open.len()));
    Ok(())
}

async fn one(api: &mut Api, id: &str) -> Result<()> {
    api.post(&format!("{PATH}/{id}/replay"), &[], Body::None).await.map(drop)
}
