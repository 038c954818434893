//! `POST /tasks/{id}/reminders`: one more reminder, beside the task's own.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use service::Caller;
use service::event::Origin;
use service::idempotency::{self, Key};
use service::openapi::Refusals;
use service::problem::{Code, Problem};
use service::request::{Id, JsonBody};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReminderView, Room};
use crate::announce;
use crate::reminder::{DeliveryStatus, Reminder, Schedule, Source, TaskStatus, offset};
use crate::store::{self, Addition, new_reminder};

/// How often a lost race is run again.
const ROUNDS: u32 = 5;

/// A reminder to add.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "offset_minutes": 15 }))]
pub struct NewReminder {
    /// Minutes before the task is due.
    #[schema(minimum = 0, maximum = 525_600)]
    offset_minutes: i32,
}

/// Adds a reminder.
#[utoipa::path(
    post,
    path = "/tasks/{id}/reminders",
    tag = "reminders",
    params(
        ("id" = Uuid, Path, description = "The task"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the same answer"),
    ),
    request_body = NewReminder,
    responses(
        (status = 201, description = "The reminder", body = ReminderView),
        (status = 409, description = "The task has a reminder with this offset", content_type = "application/problem+json", body = service::problem::Body),
        Refusals,
    ),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn add(
    State(room): State<Room>,
    caller: Caller,
    Id(task_id): Id,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let key = Key::of(&headers, caller.user_id, &format!("POST /tasks/{task_id}/reminders"), &body.raw)?;
    room.task_of(&caller, task_id).await?;
    let mut fields = body.fields;
    let minutes = fields.required("offset_minutes", offset);
    fields.finish()?;
    let minutes = minutes.unwrap_or_default();
    for _ in 0..ROUNDS {
        let (schedule, known) = room.task_of(&caller, task_id).await?;
        let now = room.clock.now();
        if is_taken(&known.reminders, &schedule, minutes) {
            return taken(&room, key.as_ref()).await;
        }
        let due_at = due_date(&schedule, now)?;
        let reminder = new_reminder(&schedule, due_at, minutes, Source::Person, now);
        let event = announce::scheduled(&reminder, now)?;
        let origin = Origin::current(announce::SOURCE);
        let (id, remind_at) = (reminder.id, reminder.remind_at);
        let view = ReminderView::from(reminder);
        let answer = idempotency::remembered(key.as_ref(), StatusCode::CREATED, &view);
        let (traceparent, correlation_id) = (origin.traceparent, origin.correlation_id);
        let addition = Addition {
            id,
            schedule: &schedule,
            reminder_due_at: due_at,
            reminder_offset: minutes,
            remind_at,
            traceparent,
            correlation_id,
            now,
            event,
            answer,
        };
        match room.store.add(&addition).await {
            Ok(0) => {}
            Ok(_) => {
                room.metrics.scheduled.inc();
                return Ok(created(task_id, view));
            }
            Err(error) => match error.constraint() {
                Some(store::ONCE_OPEN) | Some(idempotency::CONSTRAINT) => return taken(&room, key.as_ref()).await,
                _ => return Err(error.into()),
            },
        }
    }
    Err(Problem::new(Code::Unavailable, "The task kept changing; try again.").retry_after(1))
}

/// Whether the person is or was told at this offset, for the due date in force.
fn is_taken(reminders: &[Reminder], schedule: &Schedule, minutes: i32) -> bool {
    use DeliveryStatus::{Delivered, Scheduled, Triggered};
    let counts = |reminder: &&Reminder| match reminder.delivery_status {
        Scheduled => true,
        Triggered | Delivered => Some(reminder.due_at) == schedule.due_at,
        _ => false,
    };
    reminders.iter().filter(counts).any(|reminder| reminder.offset_minutes == minutes)
}

/// When the task is due, if it still makes sense to be told of it.
fn due_date(schedule: &Schedule, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    let rule = match schedule.due_at {
        _ if schedule.status == TaskStatus::Completed => "needs a task that is still to be done; this one is completed",
        None => "needs a task with a due date; this one has none",
        Some(due_at) if due_at <= now => "needs a due date in the future; this task's is past",
        Some(due_at) => return Ok(due_at),
    };
    Err(Problem::field("offset_minutes", rule))
}

/// A repeat gets the answer it got; anyone else is told that the offset exists.
async fn taken(room: &Room, key: Option<&Key>) -> Result<Response, Problem> {
    if let Some(key) = key {
        match key.replay(room.store.database()).await {
            // The key is new: somebody else took the offset.
            Err(problem) if problem.code() == Code::Unavailable => {}
            answer => return answer,
        }
    }
    Err(Problem::new(Code::Conflict, "The task has a reminder with this offset."))
}

fn created(task_id: Uuid, view: ReminderView) -> Response {
    let location = HeaderValue::from_str(&format!("/tasks/{task_id}/reminders/{}", view.id));
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
