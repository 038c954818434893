//! `POST /jobs/reminder-trigger`: the sidecar's clock ticks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use service::problem::Problem;

use crate::trigger::Trigger;

/// What a tick did.
#[derive(Debug, Serialize)]
pub struct Triggered {
    /// How many reminders fired.
    triggered: usize,
}

/// Fires everything whose time has come.
pub async fn trigger(State(trigger): State<Trigger>) -> Result<Json<Triggered>, Problem> {
    let triggered = trigger.tick().await?;
    Ok(Json(Triggered { triggered }))
}

/// Says that the route is there.
pub async fn is_here() -> StatusCode {
    StatusCode::OK
}
