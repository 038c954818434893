//! `outrigger tasks done`: completes tasks; of one that comes again the next appears.

use anyhow::Result;
use clap::Args;
use uuid::Uuid;

use crate::api::{Access, Body};
use crate::output::{plain, say};

/// Which.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Ids, as `outrigger tasks list` shows them
    #[arg(required = true)]
    ids: Vec<Uuid>,

    #[command(flatten)]
    access: Access,
}

/// Completes them in turn; the first that is refused ends it.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut api = arguments.access.sign_in().await?;
    for id in arguments.ids {
        let task = api.post(&format!("tasks/{id}/complete"), &[], Body::None).await?;
        say(&format!("Done: {}\n", plain(task["title"].as_str().unwrap_or_default())));
    }
    Ok(())
}
