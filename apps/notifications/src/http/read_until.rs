//! `POST /notifications/read`: the caller has read everything they were shown.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service::Caller;
use service::fields::instant;
use service::openapi::Refusals;
use service::problem::Problem;
use service::request::JsonBody;
use utoipa::ToSchema;

use super::Room;

/// Up to where the caller has read.
#[derive(ToSchema)]
#[schema(example = json!({ "until": "2026-03-01T14:00:00.123456Z" }))]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct ReadUntil {
    /// `created_at` of the newest notification that was shown; what came after it stays unread.
    until: DateTime<Utc>,
}

/// What was marked.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadCount {
    /// Notifications that were unread before.
    read: u64,
}

/// Marks everything up to a moment read.
#[utoipa::path(
    post,
    path = "/notifications/read",
    tag = "notifications",
    request_body = ReadUntil,
    responses((status = 200, description = "They are read", body = ReadCount), Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn read_until(State(room): State<Room>, caller: Caller, body: JsonBody) -> Result<Json<ReadCount>, Problem> {
    let mut fields = body.fields;
    let until = fields.required("until", instant).unwrap_or_default();
    fields.finish()?;
    let read = room.store.read_until(caller.user_id, until, room.clock.now()).await?;
    Ok(Json(ReadCount { read }))
}
