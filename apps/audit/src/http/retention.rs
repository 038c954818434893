//! `POST /jobs/audit-retention`: once a day the clock asks that old rows go.

use axum::Json;
use axum::extract::State as Shared;
use serde_json::{Value, json};
use service::Problem;

use crate::State;

/// Removes what is past its time. A repeat finds nothing to do.
///
/// # Errors
/// 503 when the database does not answer; what is left goes the next time.
pub async fn run(Shared(state): Shared<State>) -> Result<Json<Value>, Problem> {
    let before = state.base.clock.now() - state.settings.retention;
    let deleted = state.store.expire(before).await?;
    tracing::info!(deleted, %before, "old rows of the log were removed");
    Ok(Json(json!({ "deleted": deleted })))
}
