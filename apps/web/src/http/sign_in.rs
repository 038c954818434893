//! `/app/sign-in`: address and password for a session.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use service::fields::{Fields, text};
use uuid::Uuid;

use crate::Site;
use crate::failure::Failure;
use crate::form::{Errors, OpenForm};
use crate::guard::Bound;
use crate::page::{self, Shell};
use crate::session::{self, SESSION, SignIn, VISIT};
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    email: String,
    next: String,
    /// Whether there was a session, which ended.
    is_over: bool,
    errors: Errors,
}

/// The cookie that binds an open page's form, made now if the browser has none, and the form's token.
pub fn visit(site: &Site, jar: CookieJar) -> (CookieJar, String) {
    let known = jar.get(VISIT).map(|cookie| cookie.value().to_owned()).filter(|value| value.len() == 32);
    let visit = known.unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let token = site.guard.token(Bound::Visit(&visit));
    (CookieJar::new().add(session::visit_cookie(&visit, site.guard.secure)), token)
}

/// `GET`.
///
/// # Errors
/// When it cannot be rendered.
pub async fn show(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    jar: CookieJar,
) -> Result<Response, Failure> {
    let next = Fields::of_query(query.as_deref()).optional("next", |value| text(value, 0, 500));
    let had_one = jar.get(SESSION).is_some_and(|cookie| !cookie.value().is_empty());
    let is_over = had_one && matches!(Visitor::of(&site, &headers).await, Err(Failure::SignedOut));
    let (jar, token) = visit(&site, jar);
    let next = page::back(next.as_deref());
    let shell = Shell::open("Sign in", token);
    let page = SignInPage { shell, email: String::new(), next, is_over, errors: Errors::default() };
    Ok((jar, page::html(StatusCode::OK, &page)?).into_response())
}

/// `POST`.
///
/// # Errors
/// When identity does not answer.
pub async fn submit(jar: CookieJar, form: OpenForm) -> Result<Response, Failure> {
    let (email, password, next) =
        (form.fields.get("email").trim(), form.fields.get("password"), page::back(Some(form.fields.get("next"))));
    let (status, errors) = if !form.fresh {
        (StatusCode::FORBIDDEN, Errors::one("email", "This page had been open for long. Please sign in once more."))
    } else if email.is_empty() || password.is_empty() {
        (StatusCode::UNPROCESSABLE_ENTITY, missing(email, password))
    } else {
        match form.site.sessions.begin(email, password).await? {
            SignIn::Begun(begun) => {
                return Ok((
                    CookieJar::new().add(session::cookie(&begun.session, form.site.guard.secure)),
                    page::go(&form.headers, &next),
                )
                    .into_response());
            }
            SignIn::Wrong => {
                (StatusCode::UNPROCESSABLE_ENTITY, Errors::one("email", "Email and password do not belong together."))
            }
            SignIn::Refused(body) => (StatusCode::UNPROCESSABLE_ENTITY, Errors::of(&body, &[("email", "email", "Email")])),
        }
    };
    let (jar, token) = visit(&form.site, jar);
    let page = SignInPage { shell: Shell::open("Sign in", token), email: email.into(), next, is_over: false, errors };
    Ok((jar, page::html(status, &page)?).into_response())
}

fn missing(email: &str, password: &str) -> Errors {
    let mut errors = Errors::default();
    if email.is_empty() {
        errors.add("email", "Email is required.");
    }
    if password.is_empty() {
        errors.add("password", "Password is required.");
    }
    errors
}
