//! `outrigger compose`: what the containers of `docker-compose.yml` run. Nobody has to type any of it but `metadata`.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use stack::compose;

use crate::ended::Ended;
use crate::output::say;

/// One verb a container.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make secrets and settings, each once
    Prepare {
        /// Folder of what the servers read; `.run` has what sidecars read
        #[arg(long, value_name = "FOLDER")]
        servers: PathBuf,
    },
    /// Make the topics, each once, when the broker answers
    Topics,
    /// Pass what comes to the gateway and to realtime
    Front,
    /// Run an app and its sidecar; either's end is the other's
    Pair {
        /// The app's id
        app: String,

        /// Where people reach the suite
        #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
        public_url: String,
    },
    /// Say whether the app of this container is ready
    Ready,
    /// Print what the sidecar of this container knows of itself
    Metadata,
}

/// Does it.
pub(crate) async fn run(verb: Verb) -> Result<()> {
    let root = stack::find_root(&std::env::current_dir()?)?;
    // The first process of a container ends by nothing else: there the system's own way with SIGTERM is to ignore it.
    let mut ended = Ended::listen()?;
    match verb {
        Verb::Prepare { servers } => compose::prepare(&root, &root.join(".run"), &servers),
        Verb::Pair { app, public_url } => compose::pair(&root, &app, &public_url, ended.wait()).await,
        Verb::Ready => compose::ready().await,
        Verb::Topics => until(ended, compose::create_topics()).await,
        Verb::Front => {
            let served = async {
                compose::front().await?;
                pending().await
            };
            until(ended, served).await
        }
        Verb::Metadata => {
            let (url, token) = compose::metadata()?;
            let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
            let asked = client.get(url).header("dapr-api-token", token);
            say(&asked.send().await?.error_for_status()?.text().await?);
            Ok(())
        }
    }
}

/// Whichever comes first.
async fn until(mut ended: Ended, done: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::select! {
        done = done => done,
        () = ended.wait() => Ok(()),
    }
}
