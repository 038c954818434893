//! `DELETE /tasks/{id}`: gone for its owner; for 30 days it can be restored.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use service::event::Origin;
use service::request::{Id, if_match};
use service::{Caller, Problem};

use super::change::events;
use crate::metrics::What;
use crate::{Room, error, task};

/// Deletes a task, cancels its reminders and ends its series.
#[utoipa::path(
    delete, path = "/tasks/{id}", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header, description = "The version that was read")),
    responses((status = 204, description = "Deleted"), service::openapi::Refusals)
)]
pub async fn delete(State(room): State<Room>, caller: Caller, Id(id): Id, headers: HeaderMap) -> Result<StatusCode, Problem> {
    let expected = if_match(&headers)?;
    for _ in 0..3 {
        let before = room.store.read(id, caller.user_id).await?.ok_or_else(Problem::not_found)?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(error::stale(before.version));
        }
        let after = task::moved_on(&before, room.clock.now());
        let events = events(&Origin::current("tasks"), &before, What::Deleted, None)?;
        if room.store.save(&after, &caller.zoneinfo, true, &events).await? > 0 {
            room.metrics.count(What::Deleted, after.priority);
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(error::contended())
}
