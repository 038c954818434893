//! `GET /`: what this is, for who is not signed in; the list for who is.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;

use crate::Site;
use crate::failure::Failure;
use crate::page::{self, Shell};
use crate::session::SESSION;

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    shell: Shell,
}

/// The page.
///
/// # Errors
/// When it cannot be rendered.
pub async fn show(State(_): State<Site>, jar: CookieJar) -> Result<Response, Failure> {
    if jar.get(SESSION).is_some_and(|cookie| !cookie.value().is_empty()) {
        return Ok(Redirect::to("/app").into_response());
    }
    page::html(StatusCode::OK, &Landing { shell: Shell::open("Outrigger", String::new()) })
}
