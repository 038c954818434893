//! `outrigger tasks export`: a person's tasks as a file for other programs.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use reqwest::Method;

use crate::api::{Access, Body};
use crate::output::note;

/// Which file.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Who is to read it
    #[arg(long, default_value = "ics", value_name = "FORMAT")]
    format: Format,

    /// Write to a file, which must not be there yet; to standard output unless said otherwise
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Calendar programs (RFC 5545)
    Ics,
    /// Todoist: open tasks, without reminders
    Todoist,
    /// Taskwarrior: `task import`
    Taskwarrior,
    /// Programs of your own: tasks as the API shows them
    Json,
}

/// Writes it.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { format, output, access } = arguments;
    let format = match format {
        Format::Ics => "ics",
        Format::Todoist => "todoist",
        Format::Taskwarrior => "taskwarrior",
        Format::Json => "json",
    };
    let mut api = access.sign_in().await?;
    let response = api.send(Method::GET, "tasks/export", &[("format", format)], Body::None).await?;
    let bytes = response.bytes().await.context("the file broke off")?;
    let Some(path) = output else {
        return std::io::stdout().lock().write_all(&bytes).context("writing to standard output");
    };
    let context = || format!("writing {}", path.display());
    let mut file = std::fs::File::create_new(&path).with_context(context)?;
    file.write_all(&bytes).with_context(context)?;
    note(&format!("{} is written", path.display()));
    Ok(())
}
