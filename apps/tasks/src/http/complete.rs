//! `POST /tasks/{id}/complete`: it is done.

use axum::Json;
use axum::extract::State;
use contracts::task::Task;
use service::request::Id;
use service::{Caller, Problem};

use super::change::change;
use crate::Room;
use crate::task::changes;

/// Completes a task. Completing it again changes nothing and gives the same answer.
#[utoipa::path(
    post, path = "/tasks/{id}/complete", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The task", body = Task), service::openapi::Refusals)
)]
pub async fn complete(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<Json<Task>, Problem> {
    let task = change(&room, caller.user_id, id, None, |before, now| Ok(changes::complete(before, now))).await?;
    Ok(Json(task))
}
