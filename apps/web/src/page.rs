//! From a template to an answer, and what every answer has around it.

use std::fmt::Display;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use sidecar::Context;
use uuid::Uuid;

use crate::Site;
use crate::api::encoded;
use crate::assets::{self, Assets};
use crate::failure::Failure;
use crate::visitor::Visitor;

/// Sent by script: answer the part that changed, not a page.
const X_FRAGMENT: HeaderName = HeaderName::from_static("x-fragment");
/// In the answer to script: go there.
const X_GO: HeaderName = HeaderName::from_static("x-go");

/// What the frame around a page shows.
pub struct Shell {
    /// Title of the page.
    pub title: String,
    /// Which entry of the navigation is here; empty for none.
    pub here: &'static str,
    /// Name of the signed-in person; absent on open pages.
    pub name: Option<String>,
    /// Their id, by which script keeps what they typed.
    pub person: Option<Uuid>,
    /// Token of the forms.
    pub csrf: String,
    /// Unread notifications; absent when they could not be counted.
    pub unread: Option<i64>,
    /// What is looked for.
    pub search: String,
    /// Where stylesheet and scripts are.
    pub assets: &'static Assets,
}

impl Shell {
    /// Of a page that needs nobody signed in.
    pub fn open(title: &str, csrf: String) -> Self {
        Self {
            title: title.into(),
            here: "",
            name: None,
            person: None,
            csrf,
            unread: None,
            search: String::new(),
            assets: assets::all(),
        }
    }

    /// Whether there is a number to show in the navigation.
    pub fn has_unread(&self) -> bool {
        self.unread.is_some_and(|unread| unread > 0)
    }
}

/// A page or a fragment.
///
/// # Errors
/// When the template cannot be rendered.
pub fn html(status: StatusCode, template: &impl Template) -> Result<Response, Failure> {
    Ok((status, Html(template.render()?)).into_response())
}

/// Whether script asks for the part that changed.
pub fn wants_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key(X_FRAGMENT)
}

/// Sends the browser to another page: by redirect, or by telling the script.
pub fn go(headers: &HeaderMap, to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) if wants_fragment(headers) => (StatusCode::NO_CONTENT, [(X_GO, to)]).into_response(),
        _ => Redirect::to(to).into_response(),
    }
}

/// An address of ours that a form or link asks to come back to; anything else is the list.
pub fn back(wanted: Option<&str>) -> String {
    let ours = |path: &&str| {
        let rest = path.strip_prefix("/app")?;
        let clean = rest.is_empty() || rest.starts_with(['/', '?']);
        (clean && !path.contains(['\\', '#']) && path.bytes().all(|byte| byte.is_ascii_graphic())).then_some(())
    };
    wanted.filter(|path| ours(path).is_some()).unwrap_or("/app").to_owned()
}

/// The page of ours that a request came from; the list when the browser does not say.
fn from(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()?.parse::<Uri>().ok());
    back(referer.as_ref().and_then(|uri| uri.path_and_query()).map(|path| path.as_str()))
}

/// An address of ours that also tells of something that was done, once.
pub fn with(path: &str, told: &str, what: impl Display) -> String {
    format!("{path}{}{told}={what}", if path.contains('?') { '&' } else { '?' })
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    title: &'static str,
    advice: String,
    retry: bool,
    correlation_id: String,
}

/// Gives failures their look, and every answer the headers that keep it ours.
pub async fn dress(State(site): State<Site>, request: Request, next: Next) -> Response {
    let (is_read, headers) = (request.method() == Method::GET, request.headers().clone());
    let here = request.uri().path_and_query().map_or("/app", |path| path.as_str()).to_owned();
    let response = next.run(request).await;
    let mut response = match response.extensions().get::<Failure>().cloned() {
        Some(failure) => {
            let shell = around(&site, &failure, &headers).await;
            shown(response, &failure, shell, &headers, is_read.then_some(here.as_str()))
        }
        None => response,
    };
    let into = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(site.guard.policy()) {
        into.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    into.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not no-referrer: browsers would then send `Origin: null` with our own forms.
    into.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    into.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The frame around a failure: where the person was, if what they asked for is at fault and not what would answer for the frame.
async fn around(site: &Site, failure: &Failure, headers: &HeaderMap) -> Shell {
    let open = Shell::open(failure.title(), String::new());
    if wants_fragment(headers) || failure.is_fatal() || !failure.status().is_client_error() {
        return open;
    }
    match Visitor::of(site, headers).await {
        Ok(visitor) => visitor.shell(failure.title(), "", visitor.unread().await),
        Err(_) => open,
    }
}

/// A failure as the one who asked can show it.
fn shown(bare: Response, failure: &Failure, shell: Shell, headers: &HeaderMap, here: Option<&str>) -> Response {
    let (mut parts, _) = bare.into_parts();
    if failure.is_fatal() {
        // A page is what was asked for; a form and a fragment were asked for from one.
        let next = here.filter(|_| !wants_fragment(headers)).map_or_else(|| from(headers), str::to_owned);
        let to = if next == "/app" { "/app/sign-in".to_owned() } else { format!("/app/sign-in?next={}", encoded(&next)) };
        return go(headers, &to);
    }
    let (title, advice) = (failure.title(), failure.advice());
    let body = if wants_fragment(headers) {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        format!("{title}. {advice}")
    } else {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        let correlation_id = Context::current().correlation_id.to_string();
        let retry = here.is_some() && failure.status().is_server_error();
        let page = ErrorPage { shell, title, advice: advice.clone(), retry, correlation_id };
        page.render().unwrap_or(advice)
    };
    Response::from_parts(parts, body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_addresses_are_gone_back_to() {
        for ours in ["/app", "/app?status=all&search=a%20b", "/app/tasks/1"] {
            assert_eq!(back(Some(ours)), ours);
        }
        for other in ["//evil", "/apple", "https://evil", "/app\\..", "/app/\r\nx: y", "/app?x=\u{e4}", ""] {
            assert_eq!(back(Some(other)), "/app", "{other:?}");
        }
    }
}
