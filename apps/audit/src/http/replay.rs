//! `POST /v1/admin/dlq/{id}/replay`: the app that gave an event up gets it again, as part of the event's own story.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{Method, StatusCode};
use service::problem::Body;
use service::request::Id;
use service::telemetry::Kind;
use service::{Code, Problem};

use super::settle::settle;
use crate::State;
use crate::letter::{Letter, State as LetterState, Summary};
use crate::operator::Operator;

/// Hands the event to the app that failed, or to every reader of its topic when nobody said which.
///
/// # Errors
/// 403 without the scope `ops`, 404 when there is none, 409 when it failed again or was discarded, 503 when the app does not answer.
#[utoipa::path(
    post, path = "/v1/admin/dlq/{id}/replay", tag = "dead letters",
    params(("id" = uuid::Uuid, Path, description = "Of the letter")),
    responses((status = 202, description = "The event took effect", body = Summary), (status = 403, description = "Without the scope ops", body = service::problem::Body, content_type = "application/problem+json"), (status = 409, description = "It failed again, or was discarded", body = service::problem::Body, content_type = "application/problem+json"), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn replay(
    Shared(state): Shared<State>,
    operator: Operator,
    Id(id): Id,
) -> Result<(StatusCode, Json<Summary>), Problem> {
    let letter = state.store.letter(id).await?.ok_or_else(Problem::not_found)?;
    if !letter.may_become(LetterState::Replayed)? {
        return Ok((StatusCode::ACCEPTED, Json(letter.summary)));
    }
    let handed = state.base.spans.span("replay", Kind::Client, hand_on(&state, &letter));
    match letter.story() {
        Some(story) => sidecar::trace::within(story, handed).await?,
        None => handed.await?,
    }
    settle(&state, &operator, letter, LetterState::Replayed).await
}

/// Hands the event on. The first app that refuses ends it: the letter stays open, and those before it will find a duplicate.
async fn hand_on(state: &State, letter: &Letter) -> Result<(), Problem> {
    let named = letter.summary.app.is_some();
    let mut taken = false;
    for app in letter.receivers() {
        let answer =
            state.base.internal.call(app, Method::POST, &["replay", &letter.summary.topic], Some(&letter.original)).await;
        let answer = answer.map_err(|error| unreached(app, error))?;
        // Among all readers one may not be there for this topic any more; the app that failed must be.
        if answer.status == StatusCode::NOT_FOUND && !named {
            continue;
        }
        if !answer.status.is_success() {
            return Err(refused(app, answer.status, &answer.body));
        }
        taken = true;
    }
    if taken { Ok(()) } else { Err(Problem::new(Code::Conflict, format!("No app reads {}.", letter.summary.topic))) }
}

fn unreached(app: &str, error: sidecar::Error) -> Problem {
    let code = if error.is_unavailable() { Code::Unavailable } else { Code::Conflict };
    Problem::new(code, format!("{app} could not be reached; the letter stays open.")).caused_by(error)
}

/// What the app said, in its own words.
fn refused(app: &str, status: StatusCode, body: &[u8]) -> Problem {
    let said = serde_json::from_slice::<Body>(body).map(|body| {
        let errors = body.errors.iter().map(|error| format!(" {} {}.", error.field, error.message));
        format!("{}{}", body.detail, errors.collect::<String>())
    });
    let code = if matches!(status.as_u16(), 502..=504) { Code::Unavailable } else { Code::Conflict };
    Problem::new(code, format!("{app} answered {status}: {}", said.unwrap_or_else(|_| "no reason was given".to_owned())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_app_is_quoted_and_only_an_outage_is_unavailable() {
        let body = json!({ "type": "x", "title": "x", "status": 422, "detail": "Each entry of errors names a field and its rule.", "instance": "x",
                           "code": "invalid_fields", "trace_id": "x", "correlation_id": "x", "errors": [{ "field": "body", "message": "cannot work" }] });
        let problem = refused("reminders", StatusCode::UNPROCESSABLE_ENTITY, body.to_string().as_bytes());
        assert_eq!(problem.code(), Code::Conflict);
        assert!(format!("{problem:?}").contains("body cannot work."));
        assert_eq!(refused("reminders", StatusCode::SERVICE_UNAVAILABLE, b"").code(), Code::Unavailable);
        assert_eq!(refused("reminders", StatusCode::INTERNAL_SERVER_ERROR, b"").code(), Code::Conflict);
    }
}
