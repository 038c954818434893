//! The route table.

mod add;
mod job;
mod list;
mod remove;
mod trigger;
mod view;

use axum::Router;
use axum::routing::{delete, get, post};
use service::openapi::Bearer;
use service::problem::Problem;
use service::{Caller, Clock};
use uuid::Uuid;

use crate::job::Calls;
use crate::metrics::Metrics;
use crate::reminder::{Schedule, TaskStatus};
use crate::store::{Known, Store};
use crate::tasks::Tasks;
use crate::trigger::Trigger;

pub use view::ReminderView;

/// What every handler has.
#[derive(Clone)]
pub struct Room {
    /// Every statement.
    pub store: Store,
    /// Who knows tasks.
    pub tasks: Tasks,
    /// Counts.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
}

/// For people.
pub fn public(room: Room) -> Router {
    Router::new()
        .route("/tasks/{id}/reminders", get(list::list).post(add::add))
        .route("/tasks/{id}/reminders/{reminder_id}", delete(remove::remove))
        .with_state(room)
}

/// For the clock. daprd asks with OPTIONS whether the route is there.
pub fn jobs(trigger: Trigger) -> Router {
    Router::new().route("/reminder-trigger", post(trigger::trigger).options(trigger::is_here)).with_state(trigger)
}

/// For Dapr's scheduler.
pub fn job(calls: Calls) -> Router {
    Router::new().route("/{name}", post(job::call)).with_state(calls)
}

/// The operations for people.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "reminders", description = "When a person wants to be told of a task."),
    paths(list::list, add::add, remove::remove),
    components(schemas(ReminderView)),
    modifiers(&Bearer)
)]
pub struct Document;

impl Room {
    /// The caller's task and its reminders. One whose first event is still on the way is asked from tasks.
    async fn task_of(&self, caller: &Caller, task_id: Uuid) -> Result<(Schedule, Known), Problem> {
        let known = self.store.find(task_id, None).await?;
        let schedule = match &known.schedule {
            Some(schedule) => schedule.clone(),
            None => {
                let owner = self.tasks.owner(task_id, caller.user_id).await?;
                if !owner.known {
                    return Err(Problem::not_found());
                }
                Schedule {
                    task_id,
                    user_id: caller.user_id,
                    tenant_id: caller.tenant_id,
                    title: String::new(),
                    due_at: owner.due_at,
                    offset_minutes: None,
                    status: TaskStatus::Open,
                    version: 0,
                    revision: 0,
                }
            }
        };
        if schedule.user_id != caller.user_id || schedule.status == TaskStatus::Deleted {
            return Err(Problem::not_found());
        }
        Ok((schedule, known))
    }
}
