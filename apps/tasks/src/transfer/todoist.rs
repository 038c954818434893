//! The CSV of a Todoist project: rows of tasks, sections and comments, in order. Its dates are words, read as quick add reads them.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use chrono_tz::Tz;
use contracts::task::{PatternType, Priority, RecurrencePattern, Status, Task};
use csv::StringRecord;

use super::{Format, Item, Reader, Wanted, cut};

/// What a project that is exported has had since descriptions came.
const HEADER: [&str; 10] =
    ["TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "INDENT", "AUTHOR", "RESPONSIBLE", "DATE", "DATE_LANG", "TIMEZONE"];
/// What a task has no place for.
const LOST: [(&str, &str); 3] = [("RESPONSIBLE", "Who does it"), ("DURATION", "How long it takes"), ("DEADLINE", "Its deadline")];

/// Reads a project.
///
/// # Errors
/// When it is no such file.
pub fn read(text: &str, reader: Reader) -> Result<Vec<Item>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = rows.headers().map_err(|error| format!("must be CSV: {error}"))?.clone();
    if column(&header, "TYPE").is_none() || column(&header, "CONTENT").is_none() {
        return Err("must be the CSV of a Todoist project: its first line names TYPE and CONTENT".to_owned());
    }
    let mut items: Vec<Item> = Vec::new();
    // The tasks above, by their indent; and how often the same one came before.
    let mut above: Vec<String> = Vec::new();
    let mut section = String::new();
    for row in rows.records() {
        let row = row.map_err(|error| format!("must be CSV: {error}"))?;
        let row = Row { header: &header, row: &row };
        let cell = |name| row.cell(name);
        match cell("TYPE").to_lowercase().as_str() {
            "task" => {
                let indent = cell("INDENT").parse().unwrap_or(1usize).clamp(1, above.len() + 1);
                above.truncate(indent - 1);
                let mut item = task(row, &above, &section, reader);
                above.push(item.label.clone());
                let twins = items.iter().filter(|other| other.source == item.source).count();
                if twins > 0 {
                    item.source = super::source(Format::Todoist, &format!("{}\n{twins}", item.source));
                }
                items.push(item);
            }
            "note" => match items.iter_mut().rev().find_map(|item| item.task.as_mut().ok()) {
                Some(task) => task.description = format!("{}\n\n{}", task.description, cell("CONTENT")).trim().to_owned(),
                None => items.push(skipped(cell("CONTENT"), "It is a comment on no task.")),
            },
            "section" => {
                section = cell("CONTENT").to_owned();
                items.push(skipped(&section, "It is a section; the tasks in it are taken."));
            }
            "" if row.row.iter().all(str::is_empty) => {}
            "meta" => items.push(skipped(cell("CONTENT"), "It says how Todoist shows the project.")),
            other => items.push(skipped(cell("CONTENT"), &format!("{other:?} is no kind of row that is known."))),
        }
    }
    Ok(items)
}

/// One row under its header.
#[derive(Clone, Copy)]
struct Row<'a> {
    header: &'a StringRecord,
    row: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// What stands under a name; empty when nothing does.
    fn cell(&self, name: &str) -> &'a str {
        column(self.header, name).and_then(|at| self.row.get(at)).map(str::trim).unwrap_or_default()
    }
}

fn column(header: &StringRecord, name: &str) -> Option<usize> {
    header.iter().position(|each| each.trim().eq_ignore_ascii_case(name))
}

fn skipped(label: &str, reason: &str) -> Item {
    let source = super::source(Format::Todoist, &format!("{reason}\n{label}"));
    Item { label: label.to_owned(), source, own: None, task: Err(reason.to_owned()), lost: Vec::new() }
}

fn task(row: Row<'_>, above: &[String], section: &str, reader: Reader) -> Item {
    let cell = |name| row.cell(name);
    let mut wanted = Wanted { description: cell("DESCRIPTION").to_owned(), ..Wanted::default() };
    let is_label = |word: &&str| word.starts_with('@') && word.len() > 1;
    let words = || cell("CONTENT").split_whitespace();
    wanted.tags = words().filter(is_label).map(|word| word[1..].to_owned()).collect();
    wanted.title = words().filter(|word| !is_label(word)).collect::<Vec<_>>().join(" ");
    wanted.priority = match cell("PRIORITY") {
        "1" => Priority::High,
        "2" => Priority::Medium,
        "3" => Priority::Low,
        // None was chosen.
        _ => Priority::Medium,
    };
    let mut lost = Vec::new();
    if let Some(parent) = above.last() {
        lost.push(format!("That it was below {parent:?}."));
    }
    for (name, what) in LOST {
        if !cell(name).is_empty() {
            lost.push(format!("{what}: {}.", cell(name)));
        }
    }
    date(row, reader, &mut wanted, &mut lost);
    let said = [cell("CONTENT"), cell("DESCRIPTION"), cell("DATE"), section, &above.join("\n")].join("\n");
    let label = if wanted.title.is_empty() { cell("CONTENT").to_owned() } else { wanted.title.clone() };
    Item { label: cut_label(&label), source: super::source(Format::Todoist, &said), own: None, task: Ok(wanted), lost }
}

fn cut_label(label: &str) -> String {
    if label.chars().count() > 200 { cut(label, 200) } else { label.to_owned() }
}

fn date(row: Row<'_>, reader: Reader, wanted: &mut Wanted, lost: &mut Vec<String>) {
    let said = row.cell("DATE");
    if said.is_empty() {
        return;
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(said) {
        wanted.due_at = Some(at.to_utc());
        return;
    }
    let zone = row.cell("TIMEZONE").parse().unwrap_or(reader.zone);
    // Before a title, so that words that are no date are seen.
    let draft = quickadd::read(&format!("_ {said}"), zone, reader.now);
    if draft.title == "_" && draft.problems.is_empty() && draft.tags.is_empty() && draft.priority.is_none() {
        (wanted.due_at, wanted.pattern) = (draft.due_at, draft.recurrence_pattern);
    } else {
        lost.push(format!("Its date: {said:?} is not understood."));
    }
}

/// Open tasks as a project; Todoist's file has no place for those that are done.
///
/// # Errors
/// When a row cannot be written.
pub fn write(tasks: &[Task], reader: Reader) -> Result<String, csv::Error> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record(HEADER)?;
    for task in tasks.iter().filter(|task| task.status != Status::Completed) {
        let labels: Vec<String> = task.tags.iter().map(|tag| format!("@{}", tag.replace(char::is_whitespace, "_"))).collect();
        let content = [&[task.title.clone()], labels.as_slice()].concat().join(" ");
        let priority = match task.priority {
            Priority::High => "1",
            Priority::Medium => "4",
            Priority::Low => "3",
        };
        let zone =
            task.recurrence_pattern.as_ref().and_then(|pattern| pattern.timezone.as_ref()?.parse().ok()).unwrap_or(reader.zone);
        let date = task.due_at.map(|due_at| when(due_at, task.recurrence_pattern.as_ref(), zone)).unwrap_or_default();
        let description = task.description.clone().unwrap_or_default();
        rows.write_record(["task", &content, &description, priority, "1", "", "", &date, "en", zone.name()])?;
    }
    let bytes = rows.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A date in words that Todoist and quick add both read.
fn when(due_at: DateTime<Utc>, pattern: Option<&RecurrencePattern>, zone: Tz) -> String {
    let local = due_at.with_timezone(&zone);
    let ends_the_day = local.naive_local() == calendar::end_of(local.date_naive());
    let (day, time) = (local.format("%F").to_string(), local.format("%H:%M").to_string());
    let Some(pattern) = pattern else {
        return match (ends_the_day, local.naive_local() == local.date_naive().and_hms_opt(0, 0, 0).unwrap_or_default()) {
            (true, _) => day,
            (false, false) if due_at.timestamp() % 60 == 0 => format!("{day} {time}"),
            // Words have no seconds.
            _ => due_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        };
    };
    let unit = match pattern.pattern_type {
        PatternType::Daily => "day",
        PatternType::Weekly => "week",
        PatternType::Monthly => "month",
        PatternType::Yearly => "year",
    };
    let mut said = if pattern.interval == 1 { format!("every {unit}") } else { format!("every {} {unit}s", pattern.interval) };
    if let Some(days) = &pattern.days_of_week {
        let names: Vec<String> = days.iter().map(|day| calendar::name(*day).to_lowercase()).collect();
        said.push_str(&format!(" on {}", names.join(", ")));
    }
    match pattern.day_of_month.map(u32::from) {
        Some(31) => said.push_str(" on the last day"),
        // The day of its first date says it too, as long as every month has it.
        Some(day) => said.push_str(&format!(" on the {}", ordinal(day))),
        None if pattern.pattern_type == PatternType::Monthly && local.day() > 28 => {
            said.push_str(&format!(" on the {}", ordinal(local.day())));
        }
        None => {}
    }
    if !ends_the_day {
        said.push_str(&format!(" at {time}"));
    }
    said.push_str(&format!(" starting {day}"));
    if let Some(last) = pattern.end_by_date {
        said.push_str(&format!(" until {last}"));
    }
    if let Some(count) = pattern.end_after_occurrences {
        said.push_str(&format!(" for {count} times"));
    }
    said
}

fn ordinal(day: u32) -> String {
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}
