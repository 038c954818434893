//! `DELETE /internal/sessions`: web signs a person out.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use service::Problem;
use service::door::CallingApp;
use service::request::JsonBody;

use super::{only, session_of};
use crate::Context;

/// Ends a session; one that is not there has ended.
///
/// # Errors
/// 403 for another app than web.
pub async fn sign_out(
    State(context): State<Context>,
    Extension(app): Extension<CallingApp>,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    only("web", &app)?;
    context.store.close_session(&session_of(body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
