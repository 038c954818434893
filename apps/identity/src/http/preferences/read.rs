//! `GET /users/me/preferences`: reads them.

use axum::extract::State;
use service::{Caller, Problem};

use super::Preferences;
use crate::Context;

/// Read the own preferences
#[utoipa::path(
    get, path = "/users/me/preferences", tag = "users", operation_id = "read_preferences",
    responses((status = 200, description = "As they are", body = Preferences), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn read(State(context): State<Context>, caller: Caller) -> Result<Preferences, Problem> {
    let user = context.store.user(caller.user_id).await?;
    user.map(Preferences::from).ok_or_else(Problem::not_found)
}
