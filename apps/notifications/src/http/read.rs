//! `POST /notifications/{id}/read`: the caller has read it.

use axum::extract::State;
use axum::http::StatusCode;
use service::Caller;
use service::openapi::Refusals;
use service::problem::Problem;
use service::request::Id;

use super::Room;

/// Marks a notification read; the first time counts.
#[utoipa::path(
    post,
    path = "/notifications/{id}/read",
    tag = "notifications",
    params(("id" = uuid::Uuid, Path, description = "The notification")),
    responses((status = 204, description = "It is read"), Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn read(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    match room.store.read(caller.user_id, id, room.clock.now()).await? {
        0 => Err(Problem::not_found()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
