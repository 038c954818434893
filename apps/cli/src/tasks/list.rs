//! `outrigger tasks list`: what there is to do, or any other tasks.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use contracts::Page;
use contracts::task::{Priority, Task};

use crate::api::Access;
use crate::output::{json, note, say, table};

/// Which tasks.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// How far they are
    #[arg(long, default_value = "open")]
    status: Status,

    /// Words that they contain
    #[arg(long)]
    search: Option<String>,

    /// A tag that they bear; may be repeated
    #[arg(long, value_name = "NAME")]
    tag: Vec<String>,

    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,

    /// The time zone of the dates shown; your own unless said otherwise
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Tz>,

    /// Print a list for programs
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Status {
    Open,
    Completed,
    All,
}

/// Lists them.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut api = arguments.access.sign_in().await?;
    let (limit, tags) = (arguments.limit.to_string(), arguments.tag.join(","));
    let status = match arguments.status {
        Status::Open => Some("incomplete"),
        Status::Completed => Some("completed"),
        Status::All => None,
    };
    let query = [
        ("sort", Some("due_date_asc")),
        ("limit", Some(limit.as_str())),
        ("status", status),
        ("search", arguments.search.as_deref()),
        ("tags", Some(tags.as_str()).filter(|tags| !tags.is_empty())),
    ];
    let query: Vec<(&str, &str)> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let page: Page<Task> = serde_json::from_value(api.get("tasks", &query).await?).context("this is no page of tasks")?;
    if arguments.json {
        return json(&page.items);
    }
    if page.items.is_empty() {
        say("There are no such tasks.\n");
        return Ok(());
    }
    let zone = match arguments.timezone {
        Some(zone) => zone,
        None => {
            let preferences = api.get("users/me/preferences", &[]).await?;
            preferences["timezone"].as_str().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
        }
    };
    let rows: Vec<[String; 5]> = page.items.iter().map(|task| cells(task, zone)).collect();
    table(["ID", "DUE", "PRIORITY", "TITLE", "TAGS"], &rows);
    if page.has_more {
        note(&format!("{} of {}; more with --limit, fewer with --search or --tag", page.items.len(), page.total));
    }
    Ok(())
}

fn cells(task: &Task, zone: Tz) -> [String; 5] {
    let due = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %-d %b %Y, %H:%M").to_string();
    let priority = match task.priority {
        Priority::High => "high",
        Priority::Medium => "medium",
        Priority::Low => "low",
    };
    let tags: Vec<String> = task.tags.iter().map(|tag| format!("#{tag}")).collect();
    [task.id.to_string(), task.due_at.map(due).unwrap_or_default(), priority.to_owned(), task.title.clone(), tags.join(" ")]
}
