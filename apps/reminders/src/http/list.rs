//! `GET /tasks/{id}/reminders`: all reminders of a task, soonest first, whatever became of them.

use axum::Json;
use axum::extract::State;
use service::Caller;
use service::openapi::Refusals;
use service::problem::Problem;
use service::request::Id;

use super::{ReminderView, Room};

/// All reminders of a task, soonest first.
///
/// Of a task that was made a moment ago the list may still be empty.
#[utoipa::path(
    get,
    path = "/tasks/{id}/reminders",
    tag = "reminders",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses((status = 200, description = "The reminders", body = [ReminderView]), Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(State(room): State<Room>, caller: Caller, Id(task_id): Id) -> Result<Json<Vec<ReminderView>>, Problem> {
    let (_, known) = room.task_of(&caller, task_id).await?;
    let mut reminders = known.reminders;
    reminders.sort_by_key(|reminder| (reminder.remind_at, reminder.created_at));
    Ok(Json(reminders.into_iter().map(ReminderView::from).collect()))
}
