//! `/internal/tasks/{id}/successor`: recurrence says when the next instance of a completed task is due, or that there is none.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::task::{Successor, Task, TaskEvent};
use contracts::update::Change;
use service::Problem;
use service::event::{About, Origin, row};
use service::fields;
use service::request::{Id, JsonBody};

use super::change::{change, events};
use crate::Room;
use crate::task::changes::{self, Difference};
use crate::task::successor::successor;

/// Makes the next instance: 201 with its id, 200 when it is there already, 204 when the series has ended or was stopped.
pub async fn succeed(State(room): State<Room>, Id(id): Id, mut body: JsonBody) -> Result<Response, Problem> {
    let owner = body.fields.required("user_id", fields::uuid);
    let due_at = body.fields.optional("due_at", fields::instant);
    body.fields.finish()?;
    let owner = owner.ok_or_else(Problem::not_found)?;
    let Some(completed) = room.store.read(id, owner).await? else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let Some(due_at) = due_at else { return end(&room, &completed).await };
    let now = room.clock.now();
    let Some(next) = successor(&completed, due_at, now) else { return Ok(StatusCode::NO_CONTENT.into_response()) };

    let origin = Origin::current("tasks");
    let mut events = events(&origin, Change::Created, &next, &next, Difference::default())?;
    events.push(recurred(&origin, &completed, &next)?);
    let made = room.store.succeed(&next, &events).await? > 0;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    if made {
        room.metrics.count(Change::Created, next.priority);
    }
    Ok((status, Json(Successor { id: next.id })).into_response())
}

/// The series has no more dates: its last task says so.
async fn end(room: &Room, completed: &Task) -> Result<Response, Problem> {
    if completed.recurrence_pattern.is_some() {
        change(room, completed.user_id, completed.id, None, |before, now| Ok(changes::last(before, now))).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn recurred(origin: &Origin, completed: &Task, next: &Task) -> Result<service::event::Row, Problem> {
    let about = About { user_id: next.user_id, tenant_id: next.tenant_id, aggregate_id: next.id, version: next.version };
    let event = TaskEvent::Recurred {
        series_id: next.series_id.unwrap_or(next.id),
        completed_task_id: completed.id,
        new_task_id: next.id,
        occurrence: next.occurrence.unwrap_or(1),
        due_at: next.due_at.unwrap_or(next.created_at),
    };
    Ok(row(origin, about, event, next.created_at)?)
}
