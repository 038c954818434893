//! `outrigger tasks`: a person's own tasks, through the public API.

mod add;
mod done;
mod export;
mod import;
mod list;

use anyhow::Result;
use clap::Subcommand;

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Add a task from one line
    Add(add::Arguments),
    /// List tasks, those that are due first on top
    List(list::Arguments),
    /// Complete tasks
    Done(done::Arguments),
    /// Take the tasks of another program: iCalendar, Todoist, Taskwarrior
    Import(import::Arguments),
    /// Write all tasks as a file for other programs
    Export(export::Arguments),
}

/// Does it.
pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Add(arguments) => add::run(arguments).await,
        Verb::List(arguments) => list::run(arguments).await,
        Verb::Done(arguments) => done::run(arguments).await,
        Verb::Import(arguments) => import::run(arguments).await,
        Verb::Export(arguments) => export::run(arguments).await,
    }
}
