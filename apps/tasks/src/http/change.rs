//! What every change of a task shares: read, decide, write the next version, up to three rounds; and the events that tell of it.

use chrono::{DateTime, Utc};
use contracts::task::{Task, TaskEvent};
use contracts::update::{Change, UpdateEvent};
use serde_json::{Map, Value};
use service::event::{About, Origin, Row, row};
use service::{Caller, Problem};
use uuid::Uuid;

use crate::metrics::What;
use crate::task::Next;
use crate::{Room, error};

/// How often a change is tried when others change the task meanwhile.
const ROUNDS: usize = 3;

/// What changed, for `task.updated`.
pub struct Difference {
    /// Names of the fields.
    pub changed: Vec<String>,
    /// Their values before.
    pub previous: Map<String, Value>,
}

/// Changes a task by `decide`, which is asked again with the newest version when another change came between.
///
/// # Errors
/// 404 when the caller has no such task, 412 when `expected` is not its version, 503 after three lost rounds.
pub async fn change(
    room: &Room,
    caller: &Caller,
    id: Uuid,
    expected: Option<i64>,
    decide: impl Fn(&Task, DateTime<Utc>) -> Result<Option<Next>, Problem>,
) -> Result<Task, Problem> {
    for _ in 0..ROUNDS {
        let before = room.store.read(id, caller.user_id).await?.ok_or_else(Problem::not_found)?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(error::stale(before.version));
        }
        let Some(next) = decide(&before, room.clock.now())? else { return Ok(before) };
        let what = if next.happened == Change::Completed { What::Completed } else { What::Updated };
        let difference = Difference { changed: next.changed, previous: next.previous };
        let events = events(&Origin::current("tasks"), &next.task, what, Some(difference))?;
        if room.store.save(&next.task, &caller.zoneinfo, false, &events).await? > 0 {
            room.metrics.count(what, next.task.priority);
            return Ok(next.task);
        }
    }
    Err(error::contended())
}

/// The events of a change: one for the other apps, one for the owner's open pages. `task` is as it is after the change, of a deleted one
/// as it was before.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn events(origin: &Origin, task: &Task, what: What, difference: Option<Difference>) -> sidecar::Result<Vec<Row>> {
    let version = if what == What::Deleted { task.version + 1 } else { task.version };
    let about = About { user_id: task.user_id, tenant_id: task.tenant_id, aggregate_id: task.id, version };
    let (task_id, task_snapshot, at) = (task.id, task.clone(), task.updated_at);
    let event = match (what, difference) {
        (What::Created, _) => TaskEvent::Created { task_id, task_snapshot },
        (What::Deleted, _) => TaskEvent::Deleted { task_id, task_snapshot },
        (What::Completed, _) => TaskEvent::Completed { task_id, task_snapshot, completed_at: task.completed_at.unwrap_or(at) },
        (What::Updated, Some(Difference { changed, previous })) => {
            TaskEvent::Updated { task_id, task_snapshot, changed_fields: changed, previous }
        }
        (What::Updated, None) => TaskEvent::Updated { task_id, task_snapshot, changed_fields: Vec::new(), previous: Map::new() },
    };
    let change = match what {
        What::Created => Change::Created,
        What::Updated => Change::Updated,
        What::Completed => Change::Completed,
        What::Deleted => Change::Deleted,
    };
    let shown = (what != What::Deleted).then(|| Box::new(task.clone()));
    let update = UpdateEvent::Update { change, task_id, version, task: shown, notification: None };
    Ok(vec![row(origin, about, event, at)?, row(origin, about, update, at)?])
}
