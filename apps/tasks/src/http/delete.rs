//! `DELETE /tasks/{id}`: gone for its owner; for 30 days it can be restored.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use service::request::{Id, if_match};
use service::{Caller, Problem};

use super::change::change;
use crate::Room;
use crate::task::changes;

/// Deletes a task, cancels its reminders and ends its series.
#[utoipa::path(
    delete, path = "/tasks/{id}", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header, description = "The version that was read")),
    responses((status = 204, description = "Deleted"), service::openapi::Refusals)
)]
pub async fn delete(State(room): State<Room>, caller: Caller, Id(id): Id, headers: HeaderMap) -> Result<StatusCode, Problem> {
    change(&room, caller.user_id, id, if_match(&headers)?, |before, now| Ok(Some(changes::delete(before, now)))).await?;
    Ok(StatusCode::NO_CONTENT)
}
