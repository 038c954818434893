//! `POST /tasks/bulk`: one action on many tasks.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::task::{Priority, Status, Task};
use contracts::update::Change;
use serde::Serialize;
use service::event::{Origin, Row};
use service::idempotency::{self, Key, remembered};
use service::problem::FieldError;
use service::request::JsonBody;
use service::{Caller, Code, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::change::{ROUNDS, rows};
use crate::store::{Known, Saved};
use crate::task::bulk::{self, Action};
use crate::{Room, error};

/// One action on many tasks.
#[derive(ToSchema)]
#[schema(example = json!({ "ids": ["0190f5a0-0000-7000-8000-000000000000"], "action": { "add_tags": ["work"] } }))]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct Bulk {
    /// 1-100 tasks; one that is named twice counts once.
    ids: Vec<Uuid>,
    /// An object with exactly one member.
    action: BulkAction,
}

/// What shall happen to each.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct BulkAction {
    /// `true`: it is done; a recurring task comes again.
    complete: Option<bool>,
    /// `true`: what was completed is to be done again.
    reopen: Option<bool>,
    /// `true`.
    delete: Option<bool>,
    /// `true`: what was deleted is back.
    restore: Option<bool>,
    /// Tags that it shall bear too.
    add_tags: Option<Vec<String>>,
    /// Tags that it shall not bear.
    remove_tags: Option<Vec<String>>,
    /// How much it matters.
    priority: Option<Priority>,
    /// When it is due; `null` for never.
    due_at: Option<DateTime<Utc>>,
    /// By how much its due date moves.
    shift: Option<Shift>,
}

/// By how much a due date moves; negative is earlier. A task without one stays as it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct Shift {
    /// Days of the owner's calendar: the time of day stays. 3,650 at most.
    days: Option<i64>,
    /// 525,600 at most.
    minutes: Option<i64>,
}

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has a new version.
    Changed,
    /// It was so already.
    Unchanged,
    /// The caller has no such task.
    NotFound,
    /// A rule stands against it; `errors` says which.
    Refused,
}

/// What became of one task.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Done {
    /// Which.
    id: Uuid,
    /// What became of it.
    outcome: Outcome,
    /// Its version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// The broken rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What it was before it was changed: enough to take the action back.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
}

/// What an action may change of a task, as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Previous {
    /// How far it was.
    status: Status,
    /// How much it mattered.
    priority: Priority,
    /// When it was due.
    due_at: Option<DateTime<Utc>>,
    /// What it bore.
    tags: Vec<String>,
}

impl Previous {
    fn of(task: &Task) -> Self {
        Self { status: task.status, priority: task.priority, due_at: task.due_at, tags: task.tags.clone() }
    }
}

/// What became of each task, in the order of the request.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Answer {
    results: Vec<Done>,
}

/// What is written for an answer.
#[derive(Default)]
struct Work {
    answer: Answer,
    saved: Vec<Saved>,
    events: Vec<Row>,
    happened: Vec<(Change, Priority)>,
}

/// Does one thing to many tasks: to all that it can be done to, or, when something fails, to none. Each counts as if it were changed alone. With
/// an `Idempotency-Key` a repeat within 24 hours gets the first answer.
#[utoipa::path(
    post, path = "/tasks/bulk", tag = "tasks", request_body = Bulk, security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible ASCII characters")),
    responses((status = 200, description = "What became of each", body = Answer), service::openapi::Refusals)
)]
pub async fn bulk(State(room): State<Room>, caller: Caller, headers: HeaderMap, body: JsonBody) -> Result<Response, Problem> {
    let key = Key::of(&headers, caller.user_id, "POST /tasks/bulk", &body.raw)?;
    let (ids, mut action) = bulk::read(body.fields)?;
    if let Action::AddTags(names) = &mut action {
        *names = room.store.spell(caller.user_id, std::mem::take(names)).await?;
    }
    for _ in 0..ROUNDS {
        let known = room.store.read_all(&ids, caller.user_id).await?;
        let work = decide(&ids, &action, known, &caller, room.clock.now())?;
        if work.saved.is_empty() && key.is_none() {
            return Ok(Json(work.answer).into_response());
        }
        let answer = remembered(key.as_ref(), StatusCode::OK, &work.answer);
        match room.store.save(&work.saved, &work.events, &answer).await {
            // Somebody changed one of them meanwhile.
            Ok(0) => {}
            Ok(_) => {
                work.happened.iter().for_each(|(happened, priority)| room.metrics.count(*happened, *priority));
                return Ok(Json(work.answer).into_response());
            }
            Err(error) if error.constraint() == Some(idempotency::CONSTRAINT) => match &key {
                Some(key) => return key.replay(room.store.database()).await,
                None => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Err(error::contended())
}

fn decide(ids: &[Uuid], action: &Action, known: Vec<Known>, caller: &Caller, now: DateTime<Utc>) -> Result<Work, Problem> {
    let origin = Origin::current("tasks");
    let known: HashMap<Uuid, Known> = known.into_iter().map(|known| (known.task.id, known)).collect();
    let mut work = Work::default();
    for id in ids {
        let mut done = Done { id: *id, outcome: Outcome::NotFound, version: None, errors: Vec::new(), previous: None };
        if let Some(Known { task: before, deleted }) = known.get(id) {
            match action.apply(before, *deleted, &caller.zoneinfo, now) {
                Ok(None) => (done.outcome, done.version) = (Outcome::Unchanged, Some(before.version)),
                Ok(Some(next)) => {
                    (done.outcome, done.version) = (Outcome::Changed, Some(next.task.version));
                    done.previous = Some(Previous::of(before));
                    work.happened.push((next.happened, next.task.priority));
                    let (saved, events) = rows(&origin, before, next)?;
                    work.saved.push(saved);
                    work.events.extend(events);
                }
                Err(problem) if problem.code() == Code::NotFound => {}
                Err(problem) => (done.outcome, done.errors) = (Outcome::Refused, problem.errors().to_vec()),
            }
        }
        work.answer.results.push(done);
    }
    Ok(work)
}
