//! `POST /auth/refresh`: the next access token, and the next refresh token with it.
//!
//! A refresh token works once. Whoever shows one that was used is either a thief or was robbed, and we cannot tell which: the whole
//! family ends, and the client signs in again with its secret.

use axum::Json;
use axum::extract::State;
use utoipa::ToSchema;

use super::token::TokenAnswer;
use crate::Context;
use crate::oauth::{Parameters, Refusal};
use crate::store::Life;
use service::secret::{self, Hash};

/// The last refresh token.
#[derive(ToSchema)]
pub struct RefreshRequest {
    /// From the last answer.
    pub refresh_token: String,
}

/// Renew a token
///
/// The refresh token works once; the answer has the next one.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth", operation_id = "refresh_token",
    request_body(content(
        (RefreshRequest = "application/json", example = json!({ "refresh_token": "from the last answer" })),
        (RefreshRequest = "application/x-www-form-urlencoded", example = json!({ "refresh_token": "from the last answer" }))
    )),
    responses((status = 200, description = "The next tokens", body = TokenAnswer), service::openapi::Refusals),
    extensions(("x-door" = json!("open")))
)]
pub async fn refresh(State(context): State<Context>, mut parameters: Parameters) -> Result<Json<TokenAnswer>, Refusal> {
    let shown = Hash::of(&parameters.required("refresh_token")?);
    let answer = renew(&context, &shown).await;
    match &answer {
        Ok(_) => context.metrics.passed("refresh"),
        Err(_) => context.metrics.refused("refresh"),
    }
    answer.map(Json)
}

async fn renew(context: &Context, shown: &Hash) -> Result<TokenAnswer, Refusal> {
    let now = context.clock.now();
    let token = context.store.refresh_token(shown, now).await?.ok_or_else(refused)?;
    if token.expired && !token.spent {
        return Err(refused());
    }
    let successor = secret::new()?;
    let life = Life { now, length: context.settings.refresh_token };
    // Of two that come at once, the second finds the token used.
    let spent = token.spent || !context.store.rotate(token.id, &Hash::of(successor.reveal()), life).await?;
    if spent {
        let revoked = context.store.revoke(shown, now).await?;
        if revoked > 0 {
            tracing::warn!(user_id = %token.holder.user_id, revoked, "a used refresh token was shown; its family has ended");
        }
        return Err(refused());
    }
    let scope = token.holder.keep(&token.scope);
    Ok(TokenAnswer::of_person(context, &token.holder, scope, successor.reveal().to_owned())?)
}

/// Unknown, used, revoked or over; which is not said.
fn refused() -> Refusal {
    Refusal::invalid_grant("The refresh token is not valid; sign in again.")
}
