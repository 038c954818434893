//! How requests are read: JSON bodies, ids in paths, pages in queries, `If-Match`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use uuid::Uuid;

use crate::fields::{self, Fields};
use crate::problem::{Code, Problem};

/// Largest JSON body a path takes unless it says otherwise.
pub const MAX_BODY: usize = 1024 * 1024;

/// What of a body is read before anything is decided.
const TAKEN_FIRST: usize = 64 * 1024;
/// And how long it may take to come.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// What of a body is read beyond its limit before it is refused.
const DROPPED: usize = 16 * MAX_BODY;
/// And how long that may take.
const DROPPED_WITHIN: Duration = Duration::from_secs(2);

/// The fields of a JSON body.
pub struct JsonBody {
    /// The fields, still to be read.
    pub fields: Fields,
    /// The body as it came, for the hash of an `Idempotency-Key`.
    pub raw: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !request.headers().get(header::CONTENT_TYPE).is_none_or(is_json) {
            return Err(Problem::new(Code::UnsupportedMediaType, "Send the body as application/json."));
        }
        let raw = read(request, state).await?;
        let body: Value = serde_json::from_slice(&raw).map_err(|error| {
            Problem::new(Code::MalformedJson, format!("Line {}, column {}: not valid JSON.", error.line(), error.column()))
                .caused_by(error)
        })?;
        Ok(Self { fields: Fields::of(body)?, raw })
    }
}

/// Whether a `Content-Type` is JSON or built on it, whatever its parameters.
pub fn is_json(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json")
}

/// The whole body, or why it cannot be had.
///
/// # Errors
/// 413 over the limit, 400 when the client broke off.
pub async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    // Shared, because what reads it first lets go of it at the limit.
    let rest = Arc::new(Mutex::new(body.into_data_stream()));
    let shared = Arc::clone(&rest);
    let body = Body::from_stream(stream::poll_fn(move |context| lock(&shared).poll_next_unpin(context)));
    match Bytes::from_request(Request::from_parts(parts, body), state).await {
        Err(BytesRejection::FailedToBufferBody(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let rest = stream::poll_fn(move |context| lock(&rest).poll_next_unpin(context));
            // As far as it goes: the answer is the same.
            let _ = tokio::time::timeout(DROPPED_WITHIN, dropped(rest)).await;
            Err(Problem::new(Code::TooLarge, format!("The body may have at most {MAX_BODY} bytes.")))
        }
        other => other.map_err(|error| Problem::new(Code::BadRequest, "The body could not be read.").caused_by(error)),
    }
}

/// Reads on and forgets, within bounds: the connection of who answers while the other side still sends breaks, and the answer with it.
async fn dropped(mut rest: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin) {
    let mut length = 0;
    while let (true, Some(Ok(chunk))) = (length < DROPPED, rest.next().await) {
        length += chunk.len();
    }
}

fn lock(rest: &Mutex<BodyDataStream>) -> MutexGuard<'_, BodyDataStream> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a body that a sidecar forwards before anything is decided, as far as it is short. Who answers before the request was read closes the
/// connection, and the sidecar, which keeps its connections, loses that answer or the next request with it.
pub async fn taken_first(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || !request.headers().contains_key("dapr-callee-app-id") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut rest = body.into_data_stream();
    let (mut taken, mut length) = (Vec::new(), 0);
    let take = async {
        while length <= TAKEN_FIRST {
            let Some(chunk) = rest.next().await else { return };
            length += chunk.as_ref().map_or(0, Bytes::len);
            taken.push(chunk);
        }
    };
    if tokio::time::timeout(TAKEN_WITHIN, take).await.is_err() {
        return Problem::new(Code::BadRequest, "The body came too slowly.").into_response();
    }
    next.run(Request::from_parts(parts, Body::from_stream(stream::iter(taken).chain(rest)))).await
}

/// An id in the path; a malformed one is 404, as any unknown one.
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<Uuid>::from_request_parts(parts, state).await.map(|Path(id)| Self(id)).map_err(|_| Problem::not_found())
    }
}

/// Which page of a list a query asks for, where it can ask for nothing else.
pub struct Paging {
    /// Most items of the page.
    pub limit: i64,
    /// Items before it.
    pub offset: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut fields = Fields::of_query(parts.uri.query());
        let (limit, offset) = fields::page(&mut fields);
        fields.finish()?;
        Ok(Self { limit, offset })
    }
}

/// The version that `If-Match` names, as `5`, `"5"` or `W/"5"`; `*` and absence ask for none.
///
/// # Errors
/// 400 when it is none of these.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or("?").trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    digits
        .parse()
        .map(Some)
        .map_err(|_| Problem::new(Code::BadRequest, "If-Match must be the version of the task, such as \"3\"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_body_is_known_by_its_whole_name() {
        let is_json = |kind: &'static str| is_json(&HeaderValue::from_static(kind));
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["", "application/jsonx", "text/plain; x=+json", "application", "text/json"] {
            assert!(!is_json(kind), "{kind}");
        }
    }
}
