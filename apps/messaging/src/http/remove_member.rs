//! `DELETE /v1/conversations/{id}/members/{user_id}`: takes somebody out, or leaves.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use service::{Caller, Problem};
use uuid::Uuid;

use crate::Room;
use crate::announce::{Deed, events};

/// Takes somebody out, by anybody who is there; oneself, to leave. What they said stays. Who is brought in again sees all of it again.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/members/{user_id}", tag = "conversations", operation_id = "remove_member",
    security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = Uuid, Path, description = "The conversation"), ("user_id" = Uuid, Path, description = "Who")),
    responses((status = 204, description = "They are not in it any more"), service::openapi::Refusals)
)]
pub async fn remove_member(
    State(room): State<Room>,
    caller: Caller,
    path: Result<Path<(Uuid, Uuid)>, axum::extract::rejection::PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((id, member_id)) = path.map_err(|_| Problem::not_found())?;
    let events = events(&caller, id, Deed::Removed(member_id), room.clock.now())?;
    match room.store.remove_member(id, caller.user_id, member_id, &events).await? {
        0 => Err(Problem::not_found()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
