//! What every change of a task shares: read, decide, write the next version, up to three rounds; and the events that tell of it.

use chrono::{DateTime, Utc};
use contracts::task::{Task, TaskEvent};
use contracts::update::{Change, UpdateEvent};
use serde_json::Value;
use service::Problem;
use service::event::{About, Origin, Row, row};
use uuid::Uuid;

use crate::store::Saved;
use crate::task::changes::{Difference, Next};
use crate::{Room, error};

/// How often a change is tried when others change the task meanwhile.
pub const ROUNDS: usize = 3;

/// Changes a task by `decide`, which is asked again with the newest version when another change came between.
///
/// # Errors
/// 404 when `owner` has no such task, 412 when `expected` is not its version, 503 after three lost rounds.
pub async fn change(
    room: &Room,
    owner: Uuid,
    id: Uuid,
    expected: Option<i64>,
    decide: impl Fn(&Task, DateTime<Utc>) -> Result<Option<Next>, Problem>,
) -> Result<Task, Problem> {
    for _ in 0..ROUNDS {
        let before = room.store.read(id, owner).await?.ok_or_else(Problem::not_found)?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(error::stale(before.version));
        }
        let Some(next) = decide(&before, room.clock.now())? else { return Ok(before) };
        let happened = next.happened;
        let (saved, events) = rows(&Origin::current("tasks"), &before, next)?;
        if room.store.save(std::slice::from_ref(&saved), &events, &Value::Null).await? > 0 {
            room.metrics.count(happened, saved.task.priority);
            return Ok(saved.task);
        }
    }
    Err(error::contended())
}

/// What is written for the next version of a task: its row, and the events that tell of it.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn rows(origin: &Origin, before: &Task, next: Next) -> sidecar::Result<(Saved, Vec<Row>)> {
    let Next { task, happened, difference } = next;
    let deleted = happened == Change::Deleted;
    let shown = if deleted { before } else { &task };
    let events = events(origin, happened, &task, shown, difference)?;
    Ok((Saved { task, deleted }, events))
}

/// The events of a change: one for the other apps, one for the owner's open pages. `after` is the task's new version; `shown` is what they
/// are told: the same, or of a deleted task how it was before.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn events(
    origin: &Origin,
    happened: Change,
    after: &Task,
    shown: &Task,
    difference: Difference,
) -> sidecar::Result<Vec<Row>> {
    let (task_id, version, at) = (after.id, after.version, after.updated_at);
    let about = About { user_id: after.user_id, tenant_id: after.tenant_id, aggregate_id: task_id, version };
    let task_snapshot = shown.clone();
    let Difference { changed: changed_fields, previous } = difference;
    let event = match happened {
        Change::Created => TaskEvent::Created { task_id, task_snapshot },
        Change::Deleted => TaskEvent::Deleted { task_id, task_snapshot },
        Change::Completed => TaskEvent::Completed { task_id, task_snapshot, completed_at: after.completed_at.unwrap_or(at) },
        _ => TaskEvent::Updated { task_id, task_snapshot, changed_fields, previous },
    };
    let task = (happened != Change::Deleted).then(|| Box::new(shown.clone()));
    let update = UpdateEvent::Update { change: happened, task_id, version, task, notification: None };
    Ok(vec![row(origin, about, event, at)?, row(origin, about, update, at)?])
}
