//! `outrigger tasks import`: takes the tasks of another program, each once, however often the file comes.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::api::{Access, Body};
use crate::output::{json, plain, say};
use crate::usage::Usage;

/// Which file.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// An iCalendar file, the CSV of a Todoist project, or what `task export` printed
    file: PathBuf,

    /// Who wrote it; known by the ending of its name unless said otherwise
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Say what would become of each, and take nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the answer for programs
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Ics,
    Todoist,
    Taskwarrior,
}

impl Format {
    /// By the ending of a file's name.
    fn of(file: &std::path::Path) -> Option<Self> {
        match file.extension()?.to_str()?.to_lowercase().as_str() {
            "ics" | "ical" | "ifb" => Some(Self::Ics),
            "csv" => Some(Self::Todoist),
            "json" => Some(Self::Taskwarrior),
            _ => None,
        }
    }

    /// As the API names it, and the media type.
    fn named(self) -> (&'static str, &'static str) {
        match self {
            Self::Ics => ("ics", "text/calendar"),
            Self::Todoist => ("todoist", "text/csv"),
            Self::Taskwarrior => ("taskwarrior", "application/json"),
        }
    }
}

/// Sends it and says what became of each.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { file, format, dry_run, json: for_programs, access } = arguments;
    let unknown = || Usage(format!("{}: say with --format whether it is ics, todoist or taskwarrior", file.display()));
    let (format, kind) = format.or_else(|| Format::of(&file)).ok_or_else(unknown)?.named();
    let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let mut api = access.sign_in().await?;
    let query = [("format", format), ("dry_run", if dry_run { "true" } else { "false" })];
    let answer = api.post("tasks/import", &query, Body::File(kind, bytes)).await?;
    if for_programs {
        return json(&answer);
    }
    say(&report(&answer));
    Ok(())
}

fn report(answer: &Value) -> String {
    let mut text = String::new();
    for item in answer["items"].as_array().into_iter().flatten() {
        let of = |field: &str| item[field].as_str().unwrap_or_default();
        text.push_str(&format!("{:<8} {}\n", of("outcome"), plain(of("label"))));
        let lost = item["lost"].as_array().into_iter().flatten().filter_map(Value::as_str).map(|lost| format!("lost: {lost}"));
        for line in item["reason"].as_str().map(str::to_owned).into_iter().chain(lost) {
            text.push_str(&format!("         {}\n", plain(&line)));
        }
    }
    let count = |field: &str| answer[field].as_u64().unwrap_or_default();
    let would = if answer["dry_run"] == true { " would be" } else { "" };
    text.push_str(&format!("{}{would} created, {} exist, {} skipped.\n", count("created"), count("exists"), count("skipped")));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_dropped_without_a_word() {
        let answer = json!({ "dry_run": true, "created": 1, "exists": 0, "skipped": 1, "items": [
            { "label": "a", "outcome": "created", "lost": ["EXDATE."] }, { "label": "b", "outcome": "skipped", "reason": "It is over.", "lost": [] },
        ] });
        let expected =
            "created  a\n         lost: EXDATE.\nskipped  b\n         It is over.\n1 would be created, 0 exist, 1 skipped.\n";
        assert_eq!(report(&answer), expected);
    }
}
