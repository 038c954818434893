//! `GET /v1/conversations/{id}/messages`: what was said.

use axum::Json;
use axum::extract::{RawQuery, State};
use contracts::message::Message;
use contracts::page::{DEFAULT_LIMIT, MAX_LIMIT};
use serde::Serialize;
use service::fields::{Fields, integer};
use service::request::Id;
use service::{Caller, Problem};
use utoipa::ToSchema;

use crate::Room;
use crate::store::Window;

/// One page of messages, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// The messages, the oldest first.
    items: Vec<Message>,
    /// Most messages this page could hold.
    limit: i64,
    /// Whether there are older ones than these.
    has_older: bool,
    /// Whether there are newer ones than these.
    has_newer: bool,
}

/// What was said: the newest messages, the newest before one, or the oldest after one. Going on from the first or the last sequence of a page
/// neither misses a message nor repeats one, whatever is said meanwhile.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages", tag = "messages", operation_id = "list_messages", security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Most messages of a page; 20 when absent"),
        ("before_sequence" = Option<i64>, Query, minimum = 1, description = "Only messages before this one"),
        ("after_sequence" = Option<i64>, Query, minimum = 0, description = "Only messages after this one; not together with before_sequence")
    ),
    responses((status = 200, description = "The page", body = MessagePage), service::openapi::Refusals),
    extensions(("x-door" = json!("public")))
)]
pub async fn messages(
    State(room): State<Room>,
    caller: Caller,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Json<MessagePage>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let limit = fields.optional("limit", |value| integer(value, 1, MAX_LIMIT)).unwrap_or(DEFAULT_LIMIT);
    let before = fields.optional("before_sequence", |value| integer(value, 1, i64::MAX));
    let after = fields.optional("after_sequence", |value| integer(value, 0, i64::MAX));
    if before.is_some() && after.is_some() {
        fields.refuse("after_sequence", "must not come together with before_sequence");
    }
    fields.finish()?;
    let page = room.store.messages(id, caller.user_id, Window { limit, before, after }).await?.ok_or_else(Problem::not_found)?;
    // Sequences begin at 1 and have no gap.
    let first = page.items.first().map_or_else(|| before.unwrap_or(page.last_sequence + 1), |message| message.sequence);
    let last =
        page.items.last().map_or_else(|| before.map_or(page.last_sequence, |before| before - 1), |message| message.sequence);
    let (has_older, has_newer) = (first > 1, last < page.last_sequence);
    Ok(Json(MessagePage { items: page.items, limit, has_older, has_newer }))
}
