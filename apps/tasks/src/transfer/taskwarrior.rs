//! What Taskwarrior's `task export` prints: a list of JSON objects, or one a line.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use contracts::task::{DayOfWeek, EndType, PatternType, Priority, RecurrencePattern, Status, Task};
use serde_json::{Map, Value, json};

use super::{Format, Item, Reader, Wanted, text};

/// How times are written, in UTC.
const TIME: &str = "%Y%m%dT%H%M%SZ";
/// An attribute of ours, which Taskwarrior keeps with a task as it keeps any that it does not know: what its own cannot say.
const OURS: &str = "outrigger";
/// What a task says, and what it need not say: how it was made, and what follows from the rest.
const SAID: [&str; 21] = [
    "uuid",
    "description",
    "status",
    "due",
    "end",
    "priority",
    "tags",
    "project",
    "annotations",
    "recur",
    "until",
    "start",
    "id",
    "entry",
    "modified",
    "urgency",
    "mask",
    "imask",
    "parent",
    "rtype",
    OURS,
];

/// Reads an export.
///
/// # Errors
/// When it is none.
pub fn read(text: &str, reader: Reader) -> Result<Vec<Item>, String> {
    let text = text.trim();
    let list: Vec<Value> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|error| format!("must be a list of tasks as JSON: {error}"))?
    } else {
        let lines = text.lines().map(|line| line.trim().trim_end_matches(',')).filter(|line| !line.is_empty());
        let read = |line| serde_json::from_str(line).map_err(|error| format!("must be a task as JSON on each line: {error}"));
        lines.map(read).collect::<Result<_, _>>()?
    };
    if list.is_empty() || !list.iter().all(|task| task["description"].is_string()) {
        return Err("must be what `task export` prints: tasks with a description".to_owned());
    }
    Ok(list.iter().map(|task| item(task, &list, reader)).collect())
}

fn item(task: &Value, all: &[Value], reader: Reader) -> Item {
    let mut lost = Vec::new();
    let (uuid, label) = (text(&task["uuid"]), text(&task["description"]));
    let name = if uuid.is_empty() { label } else { uuid };
    let wanted = wanted(task, all, reader, &mut lost);
    Item { label: label.to_owned(), source: super::source(Format::Taskwarrior, name), own: uuid.parse().ok(), task: wanted, lost }
}

fn wanted(task: &Value, all: &[Value], reader: Reader, lost: &mut Vec<String>) -> Result<Wanted, String> {
    let is_recurring = text(&task["status"]) == "recurring";
    let status = match text(&task["status"]) {
        "deleted" => return Err("It was deleted.".to_owned()),
        "completed" => Status::Completed,
        _ if task["parent"].is_string() && all.iter().any(|other| other["uuid"] == task["parent"]) => {
            return Err("It is the next date of a recurring task, which is taken.".to_owned());
        }
        _ if task["start"].is_string() => Status::InProgress,
        _ => Status::Todo,
    };
    let mut wanted = Wanted {
        title: text(&task["description"]).to_owned(),
        status,
        priority: match text(&task["priority"]) {
            "H" => Priority::High,
            "L" => Priority::Low,
            _ => Priority::Medium,
        },
        due_at: time(&task["due"]),
        completed_at: time(&task["end"]),
        tags: task["tags"].as_array().into_iter().flatten().map(|tag| text(tag).to_owned()).collect(),
        ..Wanted::default()
    };
    // A project is what a tag is here.
    wanted.tags.extend(task["project"].as_str().filter(|project| !project.is_empty()).map(str::to_owned));
    let notes = task["annotations"].as_array().into_iter().flatten().map(|note| text(&note["description"]));
    wanted.description = notes.collect::<Vec<_>>().join("\n");
    if is_recurring {
        // The earliest of its dates that is still to be done.
        let open = |other: &&Value| other["parent"] == task["uuid"] && matches!(text(&other["status"]), "pending" | "waiting");
        wanted.due_at = all.iter().filter(open).filter_map(|other| time(&other["due"])).min().or(wanted.due_at);
    }
    let ours: Map<String, Value> = serde_json::from_str(text(&task[OURS])).unwrap_or_default();
    wanted.reminder = ours.get("reminder_offset_minutes").and_then(Value::as_i64);
    let kept = ours.get("recurrence_pattern").and_then(|pattern| serde_json::from_value(pattern.clone()).ok());
    wanted.pattern = kept.or_else(|| pattern(task, wanted.due_at, reader, lost));
    let others =
        task.as_object().into_iter().flatten().filter(|(name, value)| !SAID.contains(&name.as_str()) && !value.is_null());
    let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
    if !others.is_empty() {
        lost.push(format!("{}.", others.join(", ")));
    }
    if task["until"].is_string() && wanted.pattern.is_none() {
        lost.push("until.".to_owned());
    }
    Ok(wanted)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    let written = value.as_str()?;
    let parsed = NaiveDateTime::parse_from_str(written, TIME).map(|at| at.and_utc()).ok();
    parsed.or_else(|| DateTime::parse_from_rfc3339(written).ok().map(|at| at.to_utc()))
}

fn pattern(task: &Value, due_at: Option<DateTime<Utc>>, reader: Reader, lost: &mut Vec<String>) -> Option<RecurrencePattern> {
    let recur = task["recur"].as_str()?;
    let due = due_at?.with_timezone(&reader.zone);
    let Some((pattern_type, interval, weekdays)) = period(recur) else {
        lost.push(format!("Its repetition: no pattern says {recur:?}."));
        return None;
    };
    let last = time(&task["until"]).map(|until| until.with_timezone(&reader.zone).date_naive());
    let days = match (pattern_type, weekdays) {
        (PatternType::Weekly, true) => Some(vec![DayOfWeek::Mo, DayOfWeek::Tu, DayOfWeek::We, DayOfWeek::Th, DayOfWeek::Fr]),
        (PatternType::Weekly, false) => Some(vec![calendar::day_of_week(due.weekday())]),
        _ => None,
    };
    Some(RecurrencePattern {
        pattern_type,
        interval,
        days_of_week: days,
        day_of_month: if pattern_type == PatternType::Monthly { u8::try_from(due.day()).ok() } else { None },
        end_type: if last.is_some() { EndType::ByDate } else { EndType::Never },
        end_after_occurrences: None,
        end_by_date: last,
        anchor_local: None,
        timezone: None,
    })
}

/// A period by one of Taskwarrior's names, as a number of units, or as ISO 8601 writes it.
fn period(recur: &str) -> Option<(PatternType, u16, bool)> {
    use PatternType::{Daily, Monthly, Weekly, Yearly};
    let named = match recur {
        "daily" | "day" => (Daily, 1, false),
        "weekdays" => (Weekly, 1, true),
        "weekly" | "sennight" => (Weekly, 1, false),
        "biweekly" | "fortnight" => (Weekly, 2, false),
        "monthly" | "month" => (Monthly, 1, false),
        "bimonthly" => (Monthly, 2, false),
        "quarterly" => (Monthly, 3, false),
        "semiannual" => (Monthly, 6, false),
        "annual" | "yearly" | "year" => (Yearly, 1, false),
        "biannual" | "biyearly" => (Yearly, 2, false),
        _ => {
            let body = recur.strip_prefix('P').unwrap_or(recur);
            let at = body.find(|each: char| !each.is_ascii_digit())?;
            let count = body[..at].parse().ok().filter(|count| (1..=365).contains(count))?;
            let unit = match &body[at..] {
                "D" | "d" | "day" | "days" => Daily,
                "W" | "w" | "wk" | "wks" | "week" | "weeks" => Weekly,
                "M" | "mo" | "mos" | "mth" | "mths" | "month" | "months" => Monthly,
                "Y" | "y" | "yr" | "yrs" | "year" | "years" => Yearly,
                _ => return None,
            };
            (unit, count, false)
        }
    };
    Some(named)
}

/// The tasks as `task import` takes them.
///
/// # Errors
/// When a value cannot be written.
pub fn write(tasks: &[Task]) -> Result<String, serde_json::Error> {
    let lines: Vec<String> = tasks.iter().map(|task| serde_json::to_string(&written(task))).collect::<Result<_, _>>()?;
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

fn written(task: &Task) -> Value {
    let at = |at: DateTime<Utc>| at.format(TIME).to_string();
    let mut ours = Map::new();
    ours.extend(task.reminder_offset_minutes.map(|minutes| ("reminder_offset_minutes".to_owned(), json!(minutes))));
    ours.extend(task.recurrence_pattern.as_ref().map(|pattern| ("recurrence_pattern".to_owned(), json!(pattern))));
    let fields = [
        ("uuid", json!(task.id)),
        ("description", json!(task.title)),
        // One that comes again is written as its next date: its own copies would come beside ours.
        ("status", json!(if task.status == Status::Completed { "completed" } else { "pending" })),
        ("entry", json!(at(task.created_at))),
        ("modified", json!(at(task.updated_at))),
        ("start", if task.status == Status::InProgress { json!(at(task.updated_at)) } else { Value::Null }),
        ("end", json!(task.completed_at.map(at))),
        ("due", json!(task.due_at.map(at))),
        (
            "priority",
            match task.priority {
                Priority::High => json!("H"),
                Priority::Medium => Value::Null,
                Priority::Low => json!("L"),
            },
        ),
        ("tags", if task.tags.is_empty() { Value::Null } else { json!(task.tags) }),
        (
            "annotations",
            task.description.as_ref().map_or(Value::Null, |text| json!([{ "entry": at(task.created_at), "description": text }])),
        ),
        (OURS, if ours.is_empty() { Value::Null } else { json!(Value::Object(ours).to_string()) }),
    ];
    Value::Object(
        fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}
