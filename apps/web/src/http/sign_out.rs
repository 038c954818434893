//! `POST /app/sign-out`: the session ends here and at identity.

use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;

use crate::failure::Failure;
use crate::form::Form;
use crate::session;

/// `POST`.
///
/// # Errors
/// When nobody was signed in; the answer is the sign-in page all the same.
pub async fn submit(form: Form) -> Result<Response, Failure> {
    let visitor = form.visitor;
    visitor.site.sessions.end(&visitor.session).await;
    Ok((CookieJar::new().add(session::no_cookie(visitor.site.guard.secure)), visitor.go("/app/sign-in")).into_response())
}
