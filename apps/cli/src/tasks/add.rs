//! `outrigger tasks add`: one line becomes a task (docs/quick-add.md), and says how it was understood.

use std::time::SystemTime;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use quickadd::{Draft, Kind};
use serde_json::{Value, json};

use crate::api::{Access, Body};
use crate::output::{json, plain, say};
use crate::usage::Usage;

/// What is written, and how it is read.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// For example 'Pay rent every month on the 1st at 9:00 #home !high remind 1d'; in single quotes, which shells leave alone
    line: String,

    /// Say how it is understood, and add nothing
    #[arg(long)]
    dry_run: bool,

    /// The time zone of dates and times in the line; your own unless said otherwise
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Tz>,

    /// Print the task for programs; with --dry-run what would be sent
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

/// Adds it.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { line, dry_run, timezone, json: for_programs, access } = arguments;
    // A stated zone is all that a dry run needs to know.
    let mut api = if dry_run && timezone.is_some() { None } else { Some(access.sign_in().await?) };
    let zone = match (timezone, &mut api) {
        (Some(zone), _) => zone,
        (None, Some(api)) => {
            let preferences = api.get("users/me/preferences", &[]).await?;
            let name = preferences["timezone"].as_str().context("the preferences name no time zone")?;
            name.parse().with_context(|| format!("{name} is a zone that this program does not know; say one with --timezone"))?
        }
        (None, None) => Tz::UTC,
    };
    let draft = quickadd::read(&line, zone, DateTime::<Utc>::from(SystemTime::now()));
    if !for_programs {
        say(&preview(&line, &draft));
    }
    if draft.title.is_empty() {
        return Err(
            Usage("nothing is left to be the title; text in \"double quotes\" is never taken for a date".to_owned()).into()
        );
    }
    let body = body(&draft);
    let Some(api) = api.as_mut().filter(|_| !dry_run) else {
        return if for_programs { json(&body) } else { Ok(()) };
    };
    let task = api.post("tasks", &[], Body::Json(&body)).await?;
    if for_programs {
        return json(&task);
    }
    say(&format!("Added {}.\n", task["id"].as_str().unwrap_or_default()));
    Ok(())
}

/// The title, what was understood, and what was not.
fn preview(line: &str, draft: &Draft) -> String {
    let title = if draft.title.is_empty() { "(no title)" } else { &draft.title };
    let mut text = format!("{}\n", plain(title));
    let quoted = |range: &std::ops::Range<usize>| plain(line.get(range.clone()).unwrap_or_default());
    for part in &draft.parts {
        let kind = match part.kind {
            Kind::Due => "due",
            Kind::Reminder => "reminder",
            Kind::Priority => "priority",
            Kind::Tag => "tag",
            Kind::Repeat => "repeats",
        };
        text.push_str(&format!("  {kind:<9} {} (\"{}\")\n", plain(&part.words), quoted(&part.range)));
    }
    for problem in &draft.problems {
        text.push_str(&format!("  not read  \"{}\": {}\n", quoted(&problem.range), plain(&problem.message)));
    }
    text
}

/// The body of `POST /tasks`.
fn body(draft: &Draft) -> Value {
    let fields = [
        ("title", json!(draft.title)),
        ("due_at", json!(draft.due_at)),
        ("reminder_offset_minutes", json!(draft.reminder_offset_minutes)),
        ("priority", json!(draft.priority)),
        ("tag_names", if draft.tags.is_empty() { Value::Null } else { json!(draft.tags) }),
        ("recurrence_pattern", json!(draft.recurrence_pattern)),
    ];
    Value::Object(
        fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_shows_what_was_read_from_what_and_what_was_not() {
        let line = "Call Ann tomorrow at 9 #home !urgent";
        let draft = quickadd::read(line, Tz::Europe__Berlin, "2026-11-21T09:00:00Z".parse().unwrap());
        let shown = preview(line, &draft);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "Call Ann !urgent");
        assert_eq!(lines[1], "  due       Sun 22 Nov 2026, 09:00 (\"tomorrow at 9\")");
        assert_eq!(lines[2], "  tag       #home (\"#home\")");
        assert!(lines[3].starts_with("  not read  \"!urgent\": "), "{}", lines[3]);
        assert_eq!(body(&draft), json!({ "title": "Call Ann !urgent", "due_at": "2026-11-22T08:00:00Z", "tag_names": ["home"] }));
    }
}
