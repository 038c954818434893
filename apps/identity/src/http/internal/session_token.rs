//! `POST /internal/sessions/token`: web gets an access token for a signed-in person, and the session lives on.

use axum::extract::State;
use axum::{Extension, Json};
use contracts::user::User;
use serde::Serialize;
use service::door::CallingApp;
use service::problem::{Code, Problem};
use service::request::JsonBody;

use super::{only, session_of};
use crate::Context;
use crate::store::Life;

/// A token for the person of a session.
#[derive(Serialize)]
pub struct SessionToken {
    /// What web shows to the other apps.
    pub access_token: String,
    /// Its life, in seconds.
    pub expires_in: i64,
    /// Who is signed in.
    pub user: User,
}

/// Gives an access token for a session.
///
/// # Errors
/// 401 when there is no such session or it has ended; 403 for another app than web.
pub async fn session_token(
    State(context): State<Context>,
    Extension(app): Extension<CallingApp>,
    body: JsonBody,
) -> Result<Json<SessionToken>, Problem> {
    only("web", &app)?;
    let shown = session_of(body)?;
    let life = Life { now: context.clock.now(), length: context.settings.session };
    let Some(session) = context.store.use_session(&shown, life).await? else {
        context.metrics.refused("session");
        return Err(Problem::new(Code::Unauthorized, "The session has ended; sign in again."));
    };
    let scope = session.holder.scopes.join(" ");
    let access = context.settings.access_token;
    let access_token = context.signer.sign(&session.holder.claims(scope, life.now, access))?;
    context.metrics.passed("session");
    Ok(Json(SessionToken { access_token, expires_in: access.num_seconds(), user: session.user }))
}
