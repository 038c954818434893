//! `POST /internal/sessions`: web signs a person in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use contracts::user::User;
use serde::Serialize;
use serde_json::Value;
use service::config::Secret;
use service::door::CallingApp;
use service::fields::Ruled;
use service::problem::{Code, Problem};
use service::request::JsonBody;

use super::only;
use crate::store::Life;
use crate::{Context, account};
use service::secret::{self, Hash};

/// A session that has begun.
#[derive(Serialize)]
pub struct SignedIn {
    /// 256 random bits, base64url: what the cookie holds. Only its hash is kept.
    pub session: String,
    /// When it ends, unless it is used before.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub user: User,
}

/// Signs in by address and password. An address that nobody has takes the same time as a wrong password.
///
/// # Errors
/// 401 when they do not fit; 403 for another app than web.
pub async fn sign_in(
    State(context): State<Context>,
    Extension(app): Extension<CallingApp>,
    body: JsonBody,
) -> Result<(StatusCode, Json<SignedIn>), Problem> {
    only("web", &app)?;
    let mut fields = body.fields;
    // What cannot be an address is one that nobody has.
    let email = fields.required("email", |value| text(value).map(|_| account::email(value).unwrap_or_default()));
    let password = fields.required("password", |value| text(value).map(Secret::new));
    fields.finish()?;
    let known = context.store.account(&email.unwrap_or_default()).await?;
    let kept = known.as_ref().map(|account| account.password_hash.clone());
    let matches = context.passwords.verify(password.unwrap_or_default(), kept).await?;
    let Some(account) = known.filter(|_| matches) else {
        context.metrics.refused("sign_in");
        return Err(Problem::new(Code::Unauthorized, "There is no account with this address and password."));
    };
    let session = secret::new()?;
    let life = Life { now: context.clock.now(), length: context.settings.session };
    context.store.open_session(&account.user, &Hash::of(session.reveal()), life).await?;
    context.metrics.passed("sign_in");
    Ok((StatusCode::CREATED, Json(SignedIn { session: session.reveal().to_owned(), expires_at: life.end(), user: account.user })))
}

fn text(value: &Value) -> Ruled<&str> {
    value.as_str().ok_or_else(|| "must be text".into())
}
