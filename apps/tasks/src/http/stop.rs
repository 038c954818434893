//! `DELETE /tasks/{id}/recurrence`: it does not come again.

use axum::Json;
use axum::extract::State;
use contracts::task::Task;
use service::request::Id;
use service::{Caller, Problem};

use super::change::change;
use crate::task::changes;
use crate::{Room, error};

/// Stops a series. The open task stays; completing it makes no other. Stopping again changes nothing and gives the same answer.
#[utoipa::path(
    delete, path = "/tasks/{id}/recurrence", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The task", body = Task),
        (status = 409, description = "It does not recur", body = service::problem::Body, content_type = "application/problem+json"),
        service::openapi::Refusals)
)]
pub async fn stop(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<Json<Task>, Problem> {
    let stopped = |before: &Task, now| match before.series_id {
        Some(_) => Ok(changes::stop(before, now)),
        None => Err(error::not_recurring()),
    };
    Ok(Json(change(&room, caller.user_id, id, None, stopped).await?))
}
