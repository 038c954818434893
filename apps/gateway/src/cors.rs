//! Scripts of other sites: only those from configured origins may read an answer.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE";
const REQUEST_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match, x-correlation-id, x-request-id";
const ANSWER_HEADERS: &str = "etag, idempotent-replayed, location, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-correlation-id, x-request-id";
/// How long a browser remembers the answer to a preflight, seconds.
const MAX_AGE: &str = "600";

/// The request's origin, if it is a configured one.
pub fn origin(headers: &HeaderMap, allowed: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    allowed.iter().any(|each| each.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Whether a browser asks before the real request.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to that question; the origin is added by [`admit`].
pub fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Lets scripts of `origin` read the answer. Without credentials: a token is sent by the script, a cookie never.
pub fn admit(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configured_origin_counts() {
        let allowed = ["https://a.example".to_owned()];
        let from = |origin: &'static str| HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        assert!(origin(&from("https://a.example"), &allowed).is_some());
        for other in ["https://a.example.evil", "http://a.example", "null", "*", "https://a.example:444"] {
            assert_eq!(origin(&from(other), &allowed), None, "{other}");
        }
        assert_eq!(origin(&HeaderMap::new(), &allowed), None);
    }
}
