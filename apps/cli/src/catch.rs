//! `outrigger catch`: keeps the mail and the text messages of a suite instead of sending them, and shows them as pages.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::ended::Ended;
use crate::output::say;

/// Where it listens and where it keeps what came.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Address to listen on; nobody is asked for a password, so only where nobody else can reach it
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,

    /// Port for mail (SMTP)
    #[arg(long, default_value_t = 1025)]
    smtp: u16,

    /// Port of the pages, and of the receiver of text messages (POST /sms)
    #[arg(long, default_value_t = 8025)]
    inbox: u16,

    /// Folder in which each message is kept as a file
    #[arg(long, default_value = ".run/caught")]
    folder: PathBuf,
}

/// Listens until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { host, smtp, inbox, folder } = arguments;
    say(&format!("mail at {host}:{smtp}, pages at http://{host}:{inbox}\n"));
    // As the first process of a container nothing but this ends it: there the system's own way with SIGTERM is to ignore it.
    let mut ended = Ended::listen()?;
    tokio::select! {
        done = stack::catch(host, smtp, inbox, folder) => done,
        () = ended.wait() => Ok(()),
    }
}
