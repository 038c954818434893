//! `POST /tasks`: makes a task.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::task::{Priority, RecurrencePattern, Status, Task};
use contracts::update::Change;
use service::event::Origin;
use service::idempotency::{self, Key, remembered};
use service::request::JsonBody;
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::change::events;
use crate::Room;
use crate::task;
use crate::task::changes::Difference;

/// What a new task may have.
#[derive(ToSchema)]
#[schema(example = json!({ "title": "Submit report", "due_at": "2030-03-01T14:00:00+01:00", "reminder_offset_minutes": 60, "tag_names": ["work"] }))]
#[expect(
    dead_code,
    reason = "describes the body; `task::draft` reads it field by field, so that one answer names every broken rule"
)]
pub struct CreateTask {
    /// 1-200 characters after trimming.
    title: String,
    /// Up to 10,000 characters.
    description: Option<String>,
    /// `todo` unless said otherwise.
    status: Option<Status>,
    /// `medium` unless said otherwise.
    priority: Option<Priority>,
    /// RFC 3339 with an offset.
    due_at: Option<DateTime<Utc>>,
    /// Minutes before `due_at`, 0-525,600; needs a `due_at` that is still to come.
    reminder_offset_minutes: Option<i32>,
    /// At most 20, each 1-50 characters without a comma; new ones are made.
    tag_names: Option<Vec<String>>,
    /// How it comes again.
    recurrence_pattern: Option<RecurrencePattern>,
}

/// Makes a task. With an `Idempotency-Key` a repeat within 24 hours gets the first answer.
#[utoipa::path(
    post, path = "/tasks", tag = "tasks", request_body = CreateTask, security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible ASCII characters")),
    responses((status = 201, description = "The task", body = Task, headers(("Location" = String))), service::openapi::Refusals)
)]
pub async fn create(State(room): State<Room>, caller: Caller, headers: HeaderMap, body: JsonBody) -> Result<Response, Problem> {
    let now = room.clock.now();
    let key = Key::of(&headers, caller.user_id, "POST /tasks", &body.raw)?;
    let mut task = task::draft(body.fields, Uuid::now_v7(), &caller, now)?;
    task.tags = room.store.spell(caller.user_id, std::mem::take(&mut task.tags)).await?;
    let events = events(&Origin::current("tasks"), Change::Created, &task, &task, Difference::default())?;
    let answer = remembered(key.as_ref(), StatusCode::CREATED, &task);
    match room.store.create(&task, &events, &answer).await {
        Ok(_) => {
            room.metrics.count(Change::Created, task.priority);
            Ok(created(&task))
        }
        Err(error) if error.constraint() == Some(idempotency::CONSTRAINT) => match &key {
            Some(key) => key.replay(room.store.database()).await,
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn created(task: &Task) -> Response {
    let mut response = (StatusCode::CREATED, Json(task)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/tasks/{}", task.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
