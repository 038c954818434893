//! `POST /v1/admin/dlq/{id}/discard`, and the end that a discard and a replay share.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use service::request::Id;
use service::{Code, Problem};
use sidecar::Context;

use crate::State;
use crate::letter::{Letter, State as LetterState, Summary};
use crate::operator::Operator;

/// Gives a dead letter up for good.
///
/// # Errors
/// 403 without the scope `ops`, 404 when there is none, 409 when it was replayed.
#[utoipa::path(
    post, path = "/v1/admin/dlq/{id}/discard", tag = "dead letters",
    params(("id" = uuid::Uuid, Path, description = "Of the letter")),
    responses((status = 202, description = "The letter is discarded", body = Summary), (status = 403, description = "Without the scope ops", body = service::problem::Body, content_type = "application/problem+json"), (status = 409, description = "It was replayed", body = service::problem::Body, content_type = "application/problem+json"), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn discard(
    Shared(state): Shared<State>,
    operator: Operator,
    Id(id): Id,
) -> Result<(StatusCode, Json<Summary>), Problem> {
    let letter = state.store.letter(id).await?.ok_or_else(Problem::not_found)?;
    if !letter.may_become(LetterState::Discarded)? {
        return Ok((StatusCode::ACCEPTED, Json(letter.summary)));
    }
    settle(&state, &operator, letter, LetterState::Discarded).await
}

/// Brings an open letter to `wanted`, and the log says by whom.
///
/// # Errors
/// 409 when another operator was faster.
pub async fn settle(
    state: &State,
    Operator(caller): &Operator,
    letter: Letter,
    wanted: LetterState,
) -> Result<(StatusCode, Json<Summary>), Problem> {
    let now = state.base.clock.now();
    let settlement = letter.settled(wanted, caller, &Context::current().correlation_id, now);
    if !state.store.settle(&settlement).await? {
        return Err(Problem::new(Code::Conflict, "Another operator has just settled it."));
    }
    let summary = Summary { state: wanted, settled_at: Some(now), settled_by: Some(caller.user_id), ..letter.summary };
    Ok((StatusCode::ACCEPTED, Json(summary)))
}
