//! `GET /tasks/{id}`: one task.

use axum::Json;
use axum::extract::State;
use contracts::task::Task;
use service::request::Id;
use service::{Caller, Problem};

use crate::Room;

/// One task of the caller's.
#[utoipa::path(
    get, path = "/tasks/{id}", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The task", body = Task), service::openapi::Refusals)
)]
pub async fn read(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<Json<Task>, Problem> {
    room.store.read(id, caller.user_id).await?.map(Json).ok_or_else(Problem::not_found)
}
