//! `POST /tasks/{id}/undo`: takes the last change of a task back.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use contracts::task::Task;
use service::request::{Id, if_match};
use service::{Caller, Code, Problem};

use super::change::change;
use crate::Room;
use crate::task::changes;

/// Takes the last change of a task back: every field is again what it was before, also what a request cannot set, such as where the dates of a pattern
/// begin. With `If-Match` only the change that made this version: what somebody changed since stands, and it is 412. It is 410 for a version that no
/// change of fields made (a new, completed, deleted or restored task has its own way back), and seven days after it was made.
#[utoipa::path(
    post, path = "/tasks/{id}/undo", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header, description = "The version whose change is taken back")),
    responses(
        (status = 200, description = "The task", body = Task),
        (status = 410, description = "Nothing is kept of before", body = service::problem::Body, content_type = "application/problem+json"),
        (status = 412, description = "It has changed since", body = service::problem::Body, content_type = "application/problem+json"),
        service::openapi::Refusals)
)]
pub async fn undo(State(room): State<Room>, caller: Caller, Id(id): Id, headers: HeaderMap) -> Result<Json<Task>, Problem> {
    let version = match if_match(&headers)? {
        Some(version) => version,
        None => room.store.read(id, caller.user_id).await?.ok_or_else(Problem::not_found)?.version,
    };
    let previous = room.store.previous(id, caller.user_id, version).await?;
    let undone = |before: &Task, now| match &previous {
        Some(previous) => changes::undone(before, previous, now),
        None => Err(Problem::new(Code::Gone, "Nothing is kept of what this version was before.")),
    };
    Ok(Json(change(&room, caller.user_id, id, Some(version), undone).await?))
}
