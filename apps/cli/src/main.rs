//! The command line: starts the suite on one machine and looks after it, and is one more way to a person's tasks.
//!
//! - `dev`: starts everything and stops it at Ctrl-C
//! - `status`: how every part of the running suite is
//! - `migrate up|down|status`: the schemas of the apps
//! - `users grant`: makes a person an operator
//! - `dlq list|show|replay|discard`: the events that apps gave up
//! - `catch`: keeps a suite's mail and text messages instead of sending them
//! - `compose`: what the containers of `docker-compose.yml` run
//! - `login`, `logout`: a person signs in, and their tokens are kept
//! - `tasks add|list|done|import|export`: their tasks
//!
//! `dev` writes `suite.json` into its run directory, and `status`, `migrate` and `users` find the suite by it. The others are for any
//! suite, here or far away: they go through the public API with a person's or an operator's token. Everything ends with 0 when it was done, 1 when it was refused or
//! failed, and 64 when the command itself was wrong.

mod api;
mod catch;
mod compose;
mod dev;
mod dlq;
mod ended;
mod login;
mod migrate;
mod output;
mod sign_ins;
mod status;
mod suite;
mod tasks;
mod usage;
mod users;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::usage::Usage;

/// BSD's `EX_USAGE`: the command was wrong; repeating it will not help.
const EXIT_USAGE: u8 = 64;

/// Outrigger on one machine.
#[derive(Debug, Parser)]
#[command(name = "outrigger", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, show how it is, and stop it at Ctrl-C
    Dev(dev::Arguments),
    /// Say how every part of the running suite is
    Status(status::Arguments),
    /// Look after the schemas of the running suite
    #[command(subcommand)]
    Migrate(migrate::Verb),
    /// Look after people
    #[command(subcommand)]
    Users(users::Verb),
    /// Look after the events that apps gave up (needs the scope ops)
    #[command(subcommand)]
    Dlq(dlq::Verb),
    /// Keep mail and text messages instead of sending them, and show them as pages
    Catch(catch::Arguments),
    /// What the containers of docker-compose.yml run
    #[command(subcommand)]
    Compose(compose::Verb),
    /// Sign in; the tokens are kept for the other commands
    Login(login::Login),
    /// Sign out, and forget the tokens
    Logout(login::Logout),
    /// Look after your own tasks
    #[command(subcommand)]
    Tasks(tasks::Verb),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => {
            // Help and version come this way too, and are no mistake.
            let _ = said.print();
            return if said.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let result = match arguments.command {
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Status(arguments) => status::run(arguments).await,
        Command::Migrate(verb) => migrate::run(verb).await,
        Command::Users(verb) => users::run(verb).await,
        Command::Dlq(verb) => dlq::run(verb).await,
        Command::Catch(arguments) => catch::run(arguments).await,
        Command::Compose(verb) => compose::run(verb).await,
        Command::Login(arguments) => login::login(arguments).await,
        Command::Logout(arguments) => login::logout(arguments).await,
        Command::Tasks(verb) => tasks::run(verb).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "outrigger: {error:#}");
            if error.is::<Usage>() { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}
