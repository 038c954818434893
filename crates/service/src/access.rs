//! The middleware of every request: whose story it belongs to, how long it took, and one line that says so.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use sidecar::invoke::BODY_LENGTH;
use sidecar::{Context, Trace};
use uuid::Uuid;

use crate::metrics::{Metrics, RequestLabels, RouteLabels};
use crate::problem::Cause;
use crate::telemetry::{Kind, Span, Spans};

/// Header of the id a person can quote.
pub const CORRELATION_ID: &str = "x-correlation-id";
/// The same id under the name other suites use.
const REQUEST_ID: &str = "x-request-id";
/// Longest correlation id that is kept.
const MAX_CORRELATION_ID: usize = 128;

/// What daprd puts on every call that it forwards.
const CALLEE: &str = "dapr-callee-app-id";

/// What the middleware needs.
#[derive(Clone)]
pub struct Access {
    /// Counts.
    pub metrics: Metrics,
    /// Spans.
    pub spans: Spans,
}

/// Filled in by whoever finds out who is asking, for the access line.
#[derive(Clone, Debug, Default)]
pub struct Actor(pub Arc<OnceLock<Uuid>>);

/// Routes that are asked every few seconds by machines: counted, but neither logged nor traced.
const QUIET: [&str; 5] = ["/health", "/ready", "/health/dapr", "/metrics", "/dapr/config"];

/// The methods that are counted and traced under their name. A client may send any word as one, and each would be a series of its own.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// Runs one request.
pub async fn record(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = METHODS.into_iter().find(|known| *known == request.method().as_str()).unwrap_or("other").to_owned();
    let quiet = QUIET.contains(&route.as_str());
    let (context, parent) = context_of(request.headers(), quiet);
    // A caller that reaches us through sidecars cannot see an answer that was cut off; the length tells it.
    let through_sidecar = request.headers().contains_key(CALLEE);
    let actor = Actor::default();
    request.extensions_mut().insert(actor.clone());
    let request_bytes =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);

    let (start, began) = (SystemTime::now(), Instant::now());
    access.metrics.in_flight.inc();
    let mut response = sidecar::trace::within(context.clone(), next.run(request)).await;
    access.metrics.in_flight.dec();
    let duration = began.elapsed();

    let status = response.status().as_u16();
    access.metrics.requests.get_or_create(&RequestLabels { method: method.clone(), route: route.clone(), status }).inc();
    access
        .metrics
        .request_seconds
        .get_or_create(&RouteLabels { method: method.clone(), route: route.clone() })
        .observe(duration.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&context.correlation_id) {
        response.headers_mut().insert(CORRELATION_ID, value.clone());
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if through_sidecar && let Some(length) = response.body().size_hint().exact().filter(|&length| length > 0) {
        response.headers_mut().insert(BODY_LENGTH, HeaderValue::from(length));
    }
    if !quiet {
        let mut tags =
            BTreeMap::from([("http.status_code", status.to_string()), ("correlation_id", context.correlation_id.to_string())]);
        if status >= 500 {
            tags.insert("error", status.to_string());
        }
        let name = format!("{method} {route}");
        access.spans.record(Span { trace: context.trace, parent, name: &name, kind: Kind::Server, start, duration, tags });
        let cause = response.extensions().get::<Cause>().map(|Cause(cause)| cause.to_string());
        let duration_ms = duration.as_secs_f64() * 1000.0;
        let response_bytes = response.body().size_hint().exact().unwrap_or(0);
        let user_id = actor.0.get().map(Uuid::to_string);
        sidecar::trace::within(context, async {
            if status >= 500 {
                tracing::error!(method, route, status, duration_ms, request_bytes, response_bytes, user_id, cause, "request");
            } else {
                tracing::info!(method, route, status, duration_ms, request_bytes, response_bytes, user_id, cause, "request");
            }
        })
        .await;
    }
    response
}

/// The context of a request: its caller's trace one span deeper, its correlation id if it is a clean one.
fn context_of(headers: &HeaderMap, quiet: bool) -> (Context, Option<u64>) {
    let above = headers.get("traceparent").and_then(|value| Trace::parse(value.to_str().ok()?));
    let mut context = if quiet { Context::unrecorded() } else { Context::root() };
    if let Some(above) = above {
        context.trace = above.child();
    }
    let given = headers.get(CORRELATION_ID).or_else(|| headers.get(REQUEST_ID)).and_then(|value| value.to_str().ok());
    if let Some(id) = given.filter(|id| is_clean(id)) {
        context.correlation_id = id.into();
    } else if above.is_some() {
        context.correlation_id = format!("{:032x}", context.trace.trace_id).into();
    }
    (context, above.map(|above| above.span_id))
}

/// 1-128 of `[A-Za-z0-9._-]`: what may stand in a log, a header and a search box.
fn is_clean(id: &str) -> bool {
    (1..=MAX_CORRELATION_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_correlation_id_is_kept_and_another_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(CORRELATION_ID, HeaderValue::from_static("order-42.a_b"));
        assert_eq!(&*context_of(&headers, false).0.correlation_id, "order-42.a_b");
        headers.insert(CORRELATION_ID, HeaderValue::from_static("a b"));
        assert_ne!(&*context_of(&headers, false).0.correlation_id, "a b");
    }

    #[test]
    fn the_span_is_a_child_of_the_callers() {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        let (context, parent) = context_of(&headers, false);
        assert_eq!(parent, Some(0x00f0_67aa_0ba9_02b7));
        assert_eq!(context.trace.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    }
}
