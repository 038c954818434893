//! Calls to the other apps on behalf of a person, by the sidecar.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::problem::Body;
use sidecar::Sidecar;
use sidecar::invoke::{Path, Request};

use crate::failure::Failure;

/// Time allowed for a call that the page is about.
const TIMEOUT: Duration = Duration::from_secs(6);

/// A call to another app.
#[derive(Clone, Debug)]
pub struct Call {
    app: &'static str,
    method: Method,
    segments: Vec<String>,
    query: Option<String>,
    body: String,
    headers: HeaderMap,
    timeout: Duration,
}

impl Call {
    /// A call of `app`.
    pub fn new(method: Method, app: &'static str, segments: &[&str]) -> Self {
        let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
        Self { app, method, segments, query: None, body: String::new(), headers: HeaderMap::new(), timeout: TIMEOUT }
    }

    /// A read.
    pub fn get(app: &'static str, segments: &[&str]) -> Self {
        Self::new(Method::GET, app, segments)
    }

    /// With a query string.
    pub fn query(mut self, pairs: &[(&str, String)]) -> Self {
        self.query = Some(query(pairs));
        self
    }

    /// With a JSON body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = body.to_string();
        self
    }

    /// With a text that an app reads by itself.
    pub fn text(mut self, text: String) -> Self {
        self.body = text;
        self.header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// With a header; a value that cannot be one is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// For what a page can do without.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends it, with a person's token if there is one.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] for 401, [`Failure::Refused`] for any other refusal, [`Failure::Away`] when the app did not answer.
    pub async fn send(&self, sidecar: &Sidecar, token: Option<&str>) -> Result<Answer, Failure> {
        let mut headers = self.headers.clone();
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        if let Some(value) = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()) {
            headers.insert(header::AUTHORIZATION, value);
        }
        let request = Request {
            app: self.app,
            method: self.method.clone(),
            path: Path::forwarded(&self.segments)?,
            query: self.query.as_deref(),
            headers,
            body: self.body.clone().into(),
            timeout: self.timeout,
        };
        let response = sidecar.invoke(request).await?;
        let status = response.status();
        let collected = response.into_body().collect().await;
        let body = collected.map_err(|error| Failure::Away(format!("{}: {error}", self.app)))?.to_bytes();
        match status {
            StatusCode::UNAUTHORIZED => Err(Failure::Unauthorized),
            status if status.is_success() => Ok(Answer { app: self.app, body }),
            status if status.is_client_error() => Err(Failure::Refused(Box::new(problem_of(status, &body)))),
            status => Err(Failure::Away(format!("{} answered {status}: {}", self.app, String::from_utf8_lossy(&body)))),
        }
    }
}

/// What an app answered when it did not refuse.
#[derive(Clone, Debug)]
pub struct Answer {
    app: &'static str,
    body: Bytes,
}

impl Answer {
    /// The body as it came.
    pub fn bytes(self) -> Bytes {
        self.body
    }

    /// The body as `T`.
    ///
    /// # Errors
    /// [`Failure::Away`] when it is none: the app speaks another version than we do.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Away(format!("{} answered what is not understood: {error}", self.app)))
    }
}

/// A refusal, also one that came without a problem body.
fn problem_of(status: StatusCode, body: &[u8]) -> Body {
    let title = status.canonical_reason().unwrap_or("Refused");
    serde_json::from_slice(body).unwrap_or_else(|_| problem(status, title, "The request was refused."))
}

/// A refusal in words of our own.
pub fn problem(status: StatusCode, title: &str, detail: &str) -> Body {
    Body {
        kind: "about:blank".into(),
        title: title.into(),
        status: status.as_u16(),
        detail: detail.into(),
        instance: String::new(),
        code: service::Code::BadRequest,
        trace_id: String::new(),
        correlation_id: String::new(),
        errors: Vec::new(),
    }
}

/// `application/x-www-form-urlencoded`, with all but RFC 3986's unreserved characters encoded.
pub fn query(pairs: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        let separator = if text.is_empty() { "" } else { "&" };
        text.push_str(&format!("{separator}{name}={}", encoded(value)));
    }
    text
}

/// A value as it may stand in a query string.
pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) => text.push(byte.into()),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
