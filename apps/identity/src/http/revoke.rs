//! `POST /auth/revoke`: a refresh token and its family end (RFC 7009).

use axum::extract::State;
use axum::http::StatusCode;

use super::refresh::RefreshRequest;
use crate::Context;
use crate::oauth::{Parameters, Refusal};
use service::secret::Hash;

/// Give a token back
///
/// An unknown token is as good as a revoked one. Access tokens end by themselves.
#[utoipa::path(
    post, path = "/auth/revoke", tag = "auth", operation_id = "revoke_token",
    request_body(content(
        (RefreshRequest = "application/json", example = json!({ "refresh_token": "from the last answer" })),
        (RefreshRequest = "application/x-www-form-urlencoded", example = json!({ "refresh_token": "from the last answer" }))
    )),
    responses((status = 204, description = "It no longer works"), service::openapi::Refusals),
    extensions(("x-door" = json!("open")))
)]
pub async fn revoke(State(context): State<Context>, mut parameters: Parameters) -> Result<StatusCode, Refusal> {
    let shown = Hash::of(&parameters.required("refresh_token")?);
    context.store.revoke(&shown, context.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
