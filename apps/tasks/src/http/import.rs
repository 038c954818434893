//! `POST /tasks/import`: takes the tasks of another program.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use contracts::task::Task;
use contracts::update::Change;
use serde::Serialize;
use serde_json::Value;
use service::event::Origin;
use service::fields::{self, Fields, Ruled};
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::change::events;
use crate::Room;
use crate::store::transfer::{BATCH, Taken};
use crate::task::changes::Difference;
use crate::transfer::{self, Format, Item, Reader};

/// What became of a file.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Imported {
    /// Nothing was written; the rest says what would be.
    dry_run: bool,
    /// How many became tasks.
    created: usize,
    /// How many were tasks before.
    exists: usize,
    /// How many are none.
    skipped: usize,
    /// Each, in the order of the file.
    items: Vec<ImportedItem>,
}

/// What became of one thing of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedItem {
    /// By what its owner knows it.
    label: String,
    /// What became of it.
    outcome: ImportOutcome,
    /// The task; absent in a dry run and for what is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<Uuid>,
    /// Why it is no task.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the task does not say of it.
    lost: Vec<String>,
}

/// What can become of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// It is a task now.
    Created,
    /// It was one before, deleted ones included as long as they can be restored.
    Exists,
    /// It is none.
    Skipped,
}

/// Takes the tasks of another program. Each thing of the file becomes a task once, however often the file comes; what a task cannot say is named.
/// A file may hold 1,000 things; they are written by the hundred, so that a file that breaks off is taken up where it ended by sending it again.
#[utoipa::path(
    post, path = "/tasks/import", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(
        ("format" = inline(Format), Query, description = "`ics`, `todoist` or `taskwarrior`"),
        ("dry_run" = Option<bool>, Query, description = "`true`: say what would become of it, write nothing")
    ),
    request_body(content(
        (Vec<serde_json::Value> = "application/json", example = json!([{ "uuid": "29775a9c-e611-45ab-b3e6-5114630fd410", "description": "Pay the rent", "status": "pending" }])),
        (String = "text/calendar", example = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTODO\nUID:1\nSUMMARY:Pay the rent\nEND:VTODO\nEND:VCALENDAR\n"),
        (String = "text/csv", example = "TYPE,CONTENT,PRIORITY\ntask,Pay the rent,1\n")
    )),
    responses((status = 200, description = "What became of each", body = Imported), service::openapi::Refusals)
)]
pub async fn import(
    State(room): State<Room>,
    caller: Caller,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Json<Imported>, Problem> {
    let now = room.clock.now();
    let mut fields = Fields::of_query(query.as_deref());
    let format = fields.required("format", format_of);
    let dry_run = fields.optional("dry_run", yes_or_no).unwrap_or_default();
    fields.finish()?;
    let body = service::request::read(request, &room).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Problem::field("body", "must be UTF-8"))?;
    let reader = Reader { zone: caller.zoneinfo.parse().unwrap_or(chrono_tz::UTC), now };
    let items = transfer::read(format.unwrap_or(Format::Ics), text, reader)?;

    let known = room.store.known(caller.user_id, &items).await?;
    let mut drafts = drafts(items, &known, |item| item.draft(Uuid::now_v7(), &caller, now));
    if dry_run {
        return Ok(Json(imported(true, drafts, &HashMap::new())));
    }
    let mut tasks: Vec<&mut Task> = drafts.iter_mut().filter_map(|(_, draft)| draft.task()).collect();
    spell(&room, &caller, &mut tasks).await?;
    let mut taken = Vec::new();
    for (item, draft) in &mut drafts {
        if let Some(task) = draft.task() {
            let events = events(&Origin::current("tasks"), Change::Created, task, task, Difference::default())?;
            taken.push(Taken { source: item.source, task: task.clone(), events });
        }
    }
    for batch in taken.chunks(BATCH) {
        room.store.import(batch).await?;
    }
    // Whoever sends the same file twice at once has each task from one of the two.
    let items: Vec<Item> = drafts.iter().map(|(item, _)| item.clone()).collect();
    let written = room.store.known(caller.user_id, &items).await?;
    for taken in taken.iter().filter(|taken| written.get(&taken.source) == Some(&taken.task.id)) {
        room.metrics.count(Change::Created, taken.task.priority);
    }
    Ok(Json(imported(false, drafts, &written)))
}

fn yes_or_no(value: &Value) -> Ruled<bool> {
    match value.as_str() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// A format that is read.
fn format_of(value: &Value) -> Ruled<Format> {
    let readable = ["ics", "todoist", "taskwarrior"];
    match fields::one_of(value, &readable)? {
        Format::Json => Err(format!("must be one of {}; POST /tasks takes a task as JSON", readable.join(", "))),
        format => Ok(format),
    }
}

/// What is to become of a thing.
enum Draft {
    Task(Box<Task>),
    Exists(Uuid),
    Skipped(String),
}

impl Draft {
    fn task(&mut self) -> Option<&mut Task> {
        if let Self::Task(task) = self { Some(task) } else { None }
    }
}

fn drafts(
    items: Vec<Item>,
    known: &HashMap<Uuid, Uuid>,
    draft: impl Fn(&mut Item) -> Result<Task, String>,
) -> Vec<(Item, Draft)> {
    let mut seen = HashSet::new();
    let decide = |mut item: Item| {
        let draft = match (known.get(&item.source), draft(&mut item)) {
            (_, Err(reason)) => Draft::Skipped(reason),
            (Some(task), Ok(_)) => Draft::Exists(*task),
            (None, Ok(_)) if !seen.insert(item.source) => Draft::Skipped("The file holds it twice.".to_owned()),
            (None, Ok(task)) => Draft::Task(Box::new(task)),
        };
        (item, draft)
    };
    items.into_iter().map(decide).collect()
}

/// Writes each tag as its owner first wrote it, be it in this file.
async fn spell(room: &Room, caller: &Caller, tasks: &mut [&mut Task]) -> Result<(), Problem> {
    let mut spellings: HashMap<String, String> = HashMap::new();
    for name in tasks.iter().flat_map(|task| &task.tags) {
        spellings.entry(name.to_lowercase()).or_insert_with(|| name.clone());
    }
    for name in room.store.spell(caller.user_id, spellings.values().cloned().collect()).await? {
        spellings.insert(name.to_lowercase(), name);
    }
    for task in tasks {
        for name in &mut task.tags {
            if let Some(spelled) = spellings.get(&name.to_lowercase()) {
                name.clone_from(spelled);
            }
        }
    }
    Ok(())
}

fn imported(dry_run: bool, drafts: Vec<(Item, Draft)>, written: &HashMap<Uuid, Uuid>) -> Imported {
    let mut imported = Imported { dry_run, ..Imported::default() };
    for (item, draft) in drafts {
        let (outcome, task_id, reason) = match draft {
            Draft::Skipped(reason) => (ImportOutcome::Skipped, None, Some(reason)),
            Draft::Exists(task) => (ImportOutcome::Exists, Some(task), None),
            Draft::Task(_) if dry_run => (ImportOutcome::Created, None, None),
            Draft::Task(task) => {
                let there = written.get(&item.source).copied();
                (if there == Some(task.id) { ImportOutcome::Created } else { ImportOutcome::Exists }, there, None)
            }
        };
        match outcome {
            ImportOutcome::Created => imported.created += 1,
            ImportOutcome::Exists => imported.exists += 1,
            ImportOutcome::Skipped => imported.skipped += 1,
        }
        imported.items.push(ImportedItem { label: item.label, outcome, task_id, reason, lost: item.lost });
    }
    imported
}
