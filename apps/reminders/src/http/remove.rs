//! `DELETE /tasks/{id}/reminders/{reminder_id}`: its owner takes a reminder away.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use service::Caller;
use service::openapi::Refusals;
use service::problem::{Code, Problem};
use uuid::Uuid;

use super::Room;
use crate::announce;
use crate::reminder::{DeliveryStatus, Reason};
use crate::store::Removal;

/// How often a lost race is run again.
const ROUNDS: u32 = 5;

/// Takes a reminder away. It stays in the list as cancelled; taking it away again changes nothing.
#[utoipa::path(
    delete,
    path = "/tasks/{id}/reminders/{reminder_id}",
    tag = "reminders",
    params(("id" = Uuid, Path, description = "The task"), ("reminder_id" = Uuid, Path, description = "The reminder")),
    responses(
        (status = 204, description = "It will not fire"),
        (status = 409, description = "It has fired already", content_type = "application/problem+json", body = service::problem::Body),
        Refusals,
    ),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn remove(
    State(room): State<Room>,
    caller: Caller,
    path: Result<Path<(Uuid, Uuid)>, axum::extract::rejection::PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((task_id, id)) = path.map_err(|_| Problem::not_found())?;
    for _ in 0..ROUNDS {
        let (_, known) = room.task_of(&caller, task_id).await?;
        let reminder = known.reminders.iter().find(|reminder| reminder.id == id).ok_or_else(Problem::not_found)?;
        match reminder.delivery_status {
            DeliveryStatus::Scheduled => {}
            DeliveryStatus::Cancelled | DeliveryStatus::Expired => return Ok(StatusCode::NO_CONTENT),
            DeliveryStatus::Triggered | DeliveryStatus::Delivered | DeliveryStatus::Failed => {
                return Err(Problem::new(Code::Conflict, "The reminder has fired already."));
            }
        }
        let now = room.clock.now();
        let event = announce::cancelled(reminder, Reason::Removed, now)?;
        if room.store.remove(&Removal { id, task_id, version: reminder.version, now, event }).await? > 0 {
            room.metrics.cancelled.inc();
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(Problem::new(Code::Unavailable, "The reminder kept changing; try again.").retry_after(1))
}
