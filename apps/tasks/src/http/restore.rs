//! `POST /tasks/{id}/restore`: takes a deletion back.

use axum::Json;
use axum::extract::State;
use contracts::task::Task;
use serde_json::Value;
use service::event::Origin;
use service::request::Id;
use service::{Caller, Problem};

use super::change::rows;
use crate::task::bulk::restored;
use crate::{Room, error};

/// Restores a deleted task, for 30 days after its deletion. A task that is not deleted is given as it is.
#[utoipa::path(
    post, path = "/tasks/{id}/restore", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The task", body = Task), service::openapi::Refusals)
)]
pub async fn restore(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<Json<Task>, Problem> {
    if let Some(task) = room.store.read(id, caller.user_id).await? {
        return Ok(Json(task));
    }
    let before = room.store.read_deleted(id, caller.user_id).await?.ok_or_else(Problem::not_found)?;
    let (saved, events) = rows(&Origin::current("tasks"), &before, restored(&before, room.clock.now()))?;
    match room.store.save(std::slice::from_ref(&saved), &events, &Value::Null).await? {
        0 => Err(error::contended()),
        _ => Ok(Json(saved.task)),
    }
}
