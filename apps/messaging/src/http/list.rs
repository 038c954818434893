//! `GET /v1/conversations`: one page of the caller's conversations.

use axum::Json;
use axum::extract::State;
use contracts::Page;
use service::request::Paging;
use service::{Caller, Problem};

use crate::Room;
use crate::conversation::Conversation;

/// One page of the caller's conversations, those first where something was last said.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "conversations", operation_id = "list_conversations", security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Most conversations of a page; 20 when absent"),
        ("offset" = Option<i64>, Query, minimum = 0, description = "Conversations before the page")
    ),
    responses((status = 200, description = "The page", body = Page<Conversation>), service::openapi::Refusals),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(
    State(room): State<Room>,
    caller: Caller,
    Paging { limit, offset }: Paging,
) -> Result<Json<Page<Conversation>>, Problem> {
    Ok(Json(room.store.list(caller.user_id, limit, offset).await?))
}
