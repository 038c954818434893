//! `/internal/tasks/*`: what reminders asks before it tells a person.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Problem;
use service::request::JsonBody;
use uuid::Uuid;

use crate::Room;
use crate::store::Open;

/// Most tasks of one question.
const MAX_TASKS: usize = 1000;

#[derive(Deserialize)]
struct Asked {
    id: Uuid,
    due_at: DateTime<Utc>,
}

/// Those of the asked tasks that are still to be done at that very due date.
#[derive(Serialize)]
pub struct Answer {
    open: Vec<Open>,
}

/// Which tasks are open with an unchanged due date.
pub async fn open(State(room): State<Room>, mut body: JsonBody) -> Result<Json<Answer>, Problem> {
    let rule = |value: &Value| serde_json::from_value::<Asked>(value.clone()).map_err(|error| error.to_string());
    let asked = body.fields.required("tasks", |value| service::fields::list(value, MAX_TASKS, rule)).unwrap_or_default();
    body.fields.finish()?;
    let due: HashMap<Uuid, DateTime<Utc>> = asked.iter().map(|task| (task.id, task.due_at)).collect();
    let ids: Vec<Uuid> = due.keys().copied().collect();
    let open = room.store.open(&ids).await?;
    Ok(Json(Answer { open: open.into_iter().filter(|task| task.due_at == due.get(&task.id).copied()).collect() }))
}

/// Whether a person has a task, and when it is due.
pub async fn owner(State(room): State<Room>, mut body: JsonBody) -> Result<Json<Value>, Problem> {
    let id = body.fields.required("id", service::fields::uuid);
    let user_id = body.fields.required("user_id", service::fields::uuid);
    body.fields.finish()?;
    let (Some(id), Some(user_id)) = (id, user_id) else { return Err(Problem::not_found()) };
    Ok(Json(room.store.owner(id, user_id).await?))
}
