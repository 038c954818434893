//! The routes as axum knows them, and one request from door to door.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State as Given};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on};
use axum::{Extension, Router};
use contracts::token::DEFAULT_RATE;
use service::{Caller, Code, Problem};

use crate::forward::Forward;
use crate::headers::Client;
use crate::limit::Quota;
use crate::routes::{Door, Entry, Rate};
use crate::{State, body, cors, docs, headers, routes, who};

/// Everything the gateway answers on its public door.
pub fn router(state: Arc<State>) -> Router {
    let mut router = Router::new();
    for entry in routes::entries() {
        // The table's methods are all known to axum; one that is not would be missed by the test below.
        if let Ok(filter) = MethodFilter::try_from(entry.route.method.clone()) {
            let answer = move |Given(state): Given<Arc<State>>, request: Request| pass(state, entry, request);
            router = router.route(&entry.template(), on(filter, answer));
        }
    }
    router
        .merge(docs::router())
        // Here and not as a fallback, so that these answers are protected as all others are.
        .route("/{*unknown}", any(async || Problem::not_found()))
        .method_not_allowed_fallback(refuse_method)
        .layer(middleware::from_fn_with_state(state.clone(), protect))
        .layer(Extension(state.base.keys.clone()))
        .with_state(state)
}

/// One request: where to, who, how much, how often; then it is handed on.
async fn pass(state: Arc<State>, entry: Entry, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (mut unread, mut quota) = (Some(body), None);
    let answer = handle(&state, entry, parts, &mut unread, &mut quota).await;
    if let Some(body) = unread {
        body::drain(body).await;
    }
    with_quota(answer.into_response(), quota)
}

/// Leaves the body in `unread` when the request is refused before it is looked at.
async fn handle(
    state: &State,
    entry: Entry,
    mut parts: Parts,
    unread: &mut Option<Body>,
    quota: &mut Option<Quota>,
) -> Result<Response, Problem> {
    let route = entry.route;
    let path = entry.path(parts.uri.path()).ok_or_else(Problem::not_found)?;
    let caller = match route.door {
        Door::Public => Some(Caller::from_request_parts(&mut parts, &()).await?),
        Door::Open | Door::Key | Door::Page => None,
    };
    body::declared(&parts.headers, route.body)?;
    // Before the limit: a request that nobody would answer costs the caller nothing.
    let permit = state.circuits.admit(route.app)?;
    *quota = count(state, route.rate, caller, &parts.headers).await;
    if let Some(Quota { allowed: false, reset, .. }) = quota {
        return Err(
            Problem::new(Code::TooManyRequests, "Come back after the seconds that Retry-After names.").retry_after(*reset)
        );
    }
    let public_url = &state.base.settings.public_url;
    let client = Client { address: who::address(&parts.headers), public_url, cookies: route.door == Door::Page };
    let (mut headers, mut query) = (headers::to_app(&parts.headers, client), parts.uri.query());
    if let Some((parameter, header)) = route.secret() {
        headers::hand_on(&mut headers, query.take(), parameter, header);
    }
    let body = body::outgoing(unread.take().unwrap_or_default(), route.body, route.timeout).await?;
    Forward { route, method: parts.method, path, query, headers, body }.send(&state.base.sidecar, permit).await
}

/// Counts the request where it is limited.
async fn count(state: &State, rate: Rate, caller: Option<Caller>, headers: &HeaderMap) -> Option<Quota> {
    let (scope, who, limit) = match (rate, caller) {
        (Rate::Read, _) => return None,
        (Rate::Write, Some(caller)) => ("write", caller.user_id.to_string(), caller.rate),
        (Rate::Write, None) => match who::session(headers) {
            // Only web knows whose session it is; the limit is what a token says by default.
            Some(session) => ("write", session, DEFAULT_RATE),
            None => ("open", who::neighbourhood(who::address(headers)), state.config.open_rate),
        },
        (Rate::Open, _) => ("open", who::neighbourhood(who::address(headers)), state.config.open_rate),
    };
    Some(state.limiter.take(scope, &who, limit).await)
}

/// The path has the shape of one in the table, the method is another's.
async fn refuse_method(request: Request) -> Problem {
    match routes::is_hostile(request.uri().path()) {
        true => Problem::not_found(),
        false => Problem::new(Code::MethodNotAllowed, "See the Allow header."),
    }
}

/// Says how much of a limit is left.
fn with_quota(mut response: Response, quota: Option<Quota>) -> Response {
    if let Some(quota) = quota {
        let say =
            |headers: &mut HeaderMap, name, value: u64| headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        say(response.headers_mut(), "ratelimit-limit", quota.limit.into());
        say(response.headers_mut(), "ratelimit-remaining", quota.remaining.into());
        say(response.headers_mut(), "ratelimit-reset", quota.reset);
    }
    response
}

/// What every answer carries, also a refusal.
async fn protect(Given(state): Given<Arc<State>>, request: Request, next: Next) -> Response {
    let origin = cors::origin(request.headers(), &state.config.cors_origins);
    let mut response = match origin.is_some() && cors::is_preflight(request.method(), request.headers()) {
        true => cors::preflight(),
        false => next.run(request).await,
    };
    if !state.config.cors_origins.is_empty() {
        cors::admit(response.headers_mut(), origin);
    }
    headers::protect(response.headers_mut(), state.base.settings.public_url.starts_with("https://"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_table_has_a_filter() {
        for route in routes::ROUTES {
            assert!(MethodFilter::try_from(route.method.clone()).is_ok(), "{}", route.method);
        }
    }
}
