//! Hands a request on to its app and brings the answer back, both streaming.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use service::Problem;
use sidecar::invoke::{Path, Request};
use sidecar::{Error, Sidecar};

use crate::body::Outgoing;
use crate::circuits::Permit;
use crate::headers;
use crate::routes::Route;

/// A moment before a request is tried again. A process that dies still takes connections until its last socket is closed, and resets them all:
/// tried again at once, three attempts were seen to end at the same dying app within 37 ms.
const BEFORE_REPEAT: Duration = Duration::from_millis(100);

/// What is handed on.
pub struct Forward<'a> {
    /// Where to.
    pub route: &'static Route,
    /// The client's method: HEAD may stand for GET.
    pub method: Method,
    /// Path on the app.
    pub path: Path,
    /// Query as the client wrote it.
    pub query: Option<&'a str>,
    /// Headers that may pass.
    pub headers: HeaderMap,
    /// Body.
    pub body: Outgoing,
}

impl Forward<'_> {
    /// Sends it. A request that changes nothing is tried again when the app fails.
    ///
    /// # Errors
    /// 503 when the app does not answer; what the app itself answers is handed back as it is.
    pub async fn send(self, sidecar: &Sidecar, mut permit: Permit) -> Result<Response, Problem> {
        let Outgoing { body, empty, fate } = self.body;
        let repeatable = empty && (self.method == Method::GET || self.method == Method::HEAD);
        let request = |path: Path, headers: HeaderMap, body| Request {
            app: self.route.app,
            method: self.method.clone(),
            path,
            query: self.query,
            headers,
            body,
            timeout: self.route.timeout,
        };
        let again = repeatable.then(|| (self.path.clone(), self.headers.clone()));
        let mut result = sidecar.invoke(request(self.path, self.headers, body)).await;
        let slow = if matches!(result, Err(Error::TimedOut { .. })) { fate.too_slow() } else { None };
        if let Some(problem) = fate.problem(self.route.body).or(slow) {
            return Err(problem);
        }
        let mut repeats = 0;
        while repeats < repeats_deserved(&result)
            && permit.may_repeat()
            && let Some((path, headers)) = again.clone()
        {
            repeats += 1;
            tokio::time::sleep(BEFORE_REPEAT).await;
            result = sidecar.invoke(request(path, headers, reqwest::Body::default())).await;
        }
        // How it ended is what counts: a replica that dies cuts off everything in its hands at once, and the others are well.
        match failed(&result) {
            true => permit.failed(),
            false => permit.succeeded(),
        }
        result.map(answer).map_err(Problem::from)
    }
}

type Answered = Result<http::Response<reqwest::Body>, Error>;

/// Whether the app, and not the request, is to blame.
fn failed(result: &Answered) -> bool {
    match result {
        Ok(response) => matches!(
            response.status(),
            StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(error) => error.is_unavailable(),
    }
}

/// How often the same request may be sent once more, so that an app never sees it more than three times: once when the app says that it
/// cannot, twice when it was cut off, for the app and the sidecar beside it may go one after the other. A 500 is the app's own word, and a
/// second wait as long as the first is no help.
fn repeats_deserved(result: &Answered) -> u32 {
    match result {
        Ok(response) if failed(result) && response.status() != StatusCode::INTERNAL_SERVER_ERROR => 1,
        Err(Error::NoAnswer { .. }) => 2,
        _ => 0,
    }
}

fn answer(from_app: http::Response<reqwest::Body>) -> Response {
    let (parts, body) = from_app.into_parts();
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = parts.status;
    *response.headers_mut() = headers::to_client(&parts.headers);
    response
}
