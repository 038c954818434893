//! The command line: starts the suite on one machine and looks after it.

mod dev;
mod follow;
mod status;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Outrigger on one machine.
#[derive(Debug, Parser)]
#[command(name = "outrigger", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, show how it is, and stop it at Ctrl-C.
    Dev(dev::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Dev(arguments) => dev::run(arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "outrigger: {error:#}");
            ExitCode::FAILURE
        }
    }
}
