//! `/app/sign-up`: a new account, signed in at once; by an invitation's link in the team of whoever invited.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use contracts::user::INVITATION;
use serde_json::json;

use super::sign_in::visit;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, OpenForm};
use crate::page::{self, Shell};
use crate::session::{self, SignIn};
use crate::{Site, zone};

const CONTROLS: [(&str, &str, &str); 5] = [
    ("email", "email", "Email"),
    ("display_name", "display_name", "Name"),
    ("password", "password", "Password"),
    ("timezone", "display_name", "Time zone"),
    ("invitation", "invited", "The invitation"),
];

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUpPage {
    shell: Shell,
    email: String,
    display_name: String,
    /// The code of an invitation; empty without one.
    invitation: String,
    errors: Errors,
}

/// `GET`. The gateway has put the code of an invitation's link into a header.
///
/// # Errors
/// When it cannot be rendered.
pub async fn show(State(site): State<Site>, headers: HeaderMap, jar: CookieJar) -> Result<Response, Failure> {
    let (jar, token) = visit(&site, jar);
    let code = headers.get(INVITATION).and_then(|code| code.to_str().ok());
    let page = SignUpPage {
        shell: Shell::open("Sign up", token),
        email: String::new(),
        display_name: String::new(),
        invitation: code.unwrap_or_default().to_owned(),
        errors: Errors::default(),
    };
    Ok((jar, page::html(StatusCode::OK, &page)?).into_response())
}

/// `POST`.
///
/// # Errors
/// When identity does not answer.
pub async fn submit(jar: CookieJar, form: OpenForm) -> Result<Response, Failure> {
    let (status, errors) = match register(&form).await {
        Ok(response) => return Ok(response),
        Err(Failure::Refused(body)) if body.status == 409 => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Errors::one("email", "There is an account with this email already. Sign in instead."),
        ),
        Err(Failure::Refused(body)) => (StatusCode::UNPROCESSABLE_ENTITY, Errors::of(&body, &CONTROLS)),
        Err(Failure::NotOurs) => {
            (StatusCode::FORBIDDEN, Errors::one("email", "This page had been open for long. Please send it once more."))
        }
        Err(failure) => return Err(failure),
    };
    let (jar, token) = visit(&form.site, jar);
    let typed = |name: &str| form.fields.get(name).to_owned();
    let page = SignUpPage {
        shell: Shell::open("Sign up", token),
        email: typed("email"),
        display_name: typed("display_name"),
        invitation: typed("invitation"),
        errors,
    };
    Ok((jar, page::html(status, &page)?).into_response())
}

async fn register(form: &OpenForm) -> Result<Response, Failure> {
    if !form.fresh {
        return Err(Failure::NotOurs);
    }
    let typed = |name: &str| form.fields.get(name);
    // Script fills the browser's zone in; without it the person sets theirs in the preferences.
    let timezone = zone::of(typed("timezone"));
    let mut body = json!({
        "email": typed("email").trim(), "display_name": typed("display_name").trim(), "password": typed("password"), "timezone": timezone.name(),
    });
    if form.fields.ticked("invitation") {
        body["invitation"] = typed("invitation").into();
    }
    Call::new(Method::POST, "identity", &["auth", "signup"]).body(body).send(&form.site.base.sidecar, None).await?;
    match form.site.sessions.begin(typed("email").trim(), typed("password")).await? {
        SignIn::Begun(begun) => {
            Ok((CookieJar::new().add(session::cookie(&begun.session, form.site.guard.secure)), page::go(&form.headers, "/app"))
                .into_response())
        }
        // The account is there; signing in by hand says what is wrong.
        SignIn::Wrong | SignIn::Refused(_) => Ok(page::go(&form.headers, "/app/sign-in")),
    }
}
