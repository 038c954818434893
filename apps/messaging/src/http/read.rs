//! `GET /v1/conversations/{id}`: one conversation, as the caller sees it.

use axum::Json;
use axum::extract::State;
use service::request::Id;
use service::{Caller, Problem};

use crate::Room;
use crate::conversation::Conversation;

/// One conversation; 404 for who is not in it.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "read_conversation", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "The conversation", body = Conversation), service::openapi::Refusals),
    extensions(("x-door" = json!("public")))
)]
pub async fn read(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<Json<Conversation>, Problem> {
    room.store.read(id, caller.user_id).await?.map(Json).ok_or_else(Problem::not_found)
}
