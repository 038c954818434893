//! `POST /v1/conversations/{id}/read`: the caller has read everything.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service::request::Id;
use service::{Caller, Code, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;
use crate::announce::{Deed, events};
use crate::store::Reading;

/// How often it is tried again when the caller reads elsewhere meanwhile.
const ROUNDS: u32 = 3;

/// What is read now.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkedRead {
    /// Where.
    conversation_id: Uuid,
    /// How many of the others' messages that were unread.
    marked: i64,
    /// When.
    read_at: DateTime<Utc>,
}

/// The caller has read everything that was said until now. A repeat marks nothing more.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/read", tag = "conversations", operation_id = "mark_read", security(("bearer" = [])),
    extensions(("x-door" = json!("public"))),
    params(("id" = Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "What is read now", body = MarkedRead), service::openapi::Refusals)
)]
pub async fn mark_read(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<Json<MarkedRead>, Problem> {
    let now = room.clock.now();
    for _ in 0..ROUNDS {
        let seen = room.store.read(id, caller.user_id).await?.ok_or_else(Problem::not_found)?;
        let marked = seen.unread_count;
        if marked == 0 {
            return Ok(Json(MarkedRead { conversation_id: id, marked, read_at: now }));
        }
        let events = events(&caller, id, Deed::Read { up_to_sequence: seen.last_sequence, marked }, now)?;
        let reading =
            Reading { conversation_id: id, user_id: caller.user_id, from: seen.last_read_sequence, up_to: seen.last_sequence };
        if room.store.mark_read(reading, &events).await? > 0 {
            return Ok(Json(MarkedRead { conversation_id: id, marked, read_at: now }));
        }
    }
    Err(Problem::new(Code::Unavailable, "The conversation is being read elsewhere at this moment; try again.").retry_after(1))
}
