//! `PATCH /tasks/{id}`: changes the fields that were sent.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use contracts::task::{Priority, RecurrencePattern, Status, Task};
use service::request::{Id, JsonBody, if_match};
use service::{Caller, Problem};
use utoipa::ToSchema;

use super::change::change;
use crate::Room;
use crate::task::changes;

/// What may be changed; `null` clears `description`, `due_at`, `reminder_offset_minutes` and `recurrence_pattern`.
#[derive(ToSchema)]
#[schema(example = json!({ "title": "Submit the report", "priority": "high" }))]
#[expect(
    dead_code,
    reason = "describes the body; `changes::read` reads it field by field, so that one answer names every broken rule"
)]
pub struct UpdateTask {
    /// 1-200 characters after trimming.
    title: Option<String>,
    /// Up to 10,000 characters.
    description: Option<String>,
    /// `completed` here equals the complete call.
    status: Option<Status>,
    /// How much it matters.
    priority: Option<Priority>,
    /// RFC 3339 with an offset.
    due_at: Option<DateTime<Utc>>,
    /// Minutes before `due_at`, 0-525,600.
    reminder_offset_minutes: Option<i32>,
    /// The whole new set.
    tag_names: Option<Vec<String>>,
    /// How it comes again; `null` ends the series.
    recurrence_pattern: Option<RecurrencePattern>,
}

/// Changes a task. With `If-Match` only if its version is still that one.
#[utoipa::path(
    patch, path = "/tasks/{id}", tag = "tasks", request_body = UpdateTask, security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header, description = "The version that was read")),
    responses(
        (status = 200, description = "The task", body = Task),
        (status = 412, description = "It has changed since", body = service::problem::Body, content_type = "application/problem+json"),
        service::openapi::Refusals)
)]
pub async fn update(
    State(room): State<Room>,
    caller: Caller,
    Id(id): Id,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Json<Task>, Problem> {
    let expected = if_match(&headers)?;
    let mut asked = changes::read(body.fields)?;
    if let Some(names) = asked.tag_names.take() {
        asked.tag_names = Some(room.store.spell(caller.user_id, names).await?);
    }
    let task = change(&room, caller.user_id, id, expected, |before, now| asked.apply(before, &caller.zoneinfo, now)).await?;
    Ok(Json(task))
}
