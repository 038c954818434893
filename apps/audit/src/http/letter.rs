//! `GET /v1/admin/dlq/{id}`: one dead letter, whole.

use axum::Json;
use axum::extract::State as Shared;
use service::Problem;
use service::request::Id;

use crate::State;
use crate::letter::Letter;
use crate::operator::Operator;

/// Shows a dead letter with the event as it was delivered.
///
/// # Errors
/// 403 without the scope `ops`, 404 when there is none.
#[utoipa::path(
    get, path = "/v1/admin/dlq/{id}", tag = "dead letters",
    params(("id" = uuid::Uuid, Path, description = "Of the letter")),
    responses((status = 200, description = "The letter", body = Letter), (status = 403, description = "Without the scope ops", body = service::problem::Body, content_type = "application/problem+json"), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn show(Shared(state): Shared<State>, _: Operator, Id(id): Id) -> Result<Json<Letter>, Problem> {
    let letter = state.store.letter(id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(letter))
}
