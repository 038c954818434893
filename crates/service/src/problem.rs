//! What is refused: `application/problem+json` (RFC 9457) from one closed table of codes.
//!
//! A problem has two messages: `detail` for the caller, and a cause for the log. The cause never leaves the process.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sidecar::Context;
use utoipa::ToSchema;

/// The table: each code has one status and one title. Clients may rely on the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    MalformedJson,
    /// The request is broken in another way.
    BadRequest,
    /// No token, or one that is expired, not ours or not meant for this.
    Unauthorized,
    /// Known, but not allowed.
    Forbidden,
    /// There is no such thing, or it is another owner's.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// Something with this name or key exists already.
    Conflict,
    /// What the request builds on was kept for a while, and that has passed: begin anew.
    Gone,
    /// `If-Match` names a version that is no longer the current one.
    StaleVersion,
    /// The body is larger than this path takes.
    TooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// One or more fields break a rule; `errors` names each.
    InvalidFields,
    /// The `Idempotency-Key` was used before with another body.
    KeyReused,
    /// More requests than the limit; `Retry-After` says when to come back.
    TooManyRequests,
    /// Our fault; nothing the caller can change.
    Internal,
    /// A part the request needs does not answer; try again later.
    Unavailable,
}

impl Code {
    /// Status of every problem with this code.
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedJson | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::StaleVersion => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidFields | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Title of every problem with this code.
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not JSON",
            Self::BadRequest => "The request is broken",
            Self::Unauthorized => "A valid token is needed",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This path does not take this method",
            Self::Conflict => "It exists already",
            Self::Gone => "It was kept no longer",
            Self::StaleVersion => "It has changed since you read it",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body must be application/json",
            Self::InvalidFields => "Some fields break a rule",
            Self::KeyReused => "This Idempotency-Key was used with another body",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "Something went wrong on our side",
            Self::Unavailable => "A part of the service does not answer",
        }
    }
}

/// A field and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Name of the field, as sent.
    pub field: String,
    /// The rule, with the allowed values or range.
    pub message: String,
}

/// The body of every refusal (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Body {
    /// `urn:outrigger:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Title of the code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// `urn:outrigger:request:<correlation id>`.
    pub instance: String,
    /// For programs.
    pub code: Code,
    /// Finds the trace.
    pub trace_id: String,
    /// Finds the log lines.
    pub correlation_id: String,
    /// Each field that breaks a rule.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    cause: Option<Cause>,
}

/// What the log says of a refusal; found in the response's extensions by the access middleware.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<dyn StdError + Send + Sync>);

impl Problem {
    /// A refusal; `detail` is for the caller.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after: None, cause: None }
    }

    /// The one answer for what does not exist and what is another's.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "Nothing was found here.")
    }

    /// A refusal that names fields.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::InvalidFields, "Each entry of errors names a field and its rule.") }
    }

    /// A refusal that names one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Names a field that a refusal with another code is about, such as the one that must be unique.
    pub fn naming(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Our fault, with what the log should say.
    pub fn internal(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Code::Internal, "The failure was recorded; the correlation id finds it.").caused_by(cause)
    }

    /// A part that does not answer, with what the log should say.
    pub fn unavailable(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Code::Unavailable, "Nothing was lost; try again in a moment.").retry_after(1).caused_by(cause)
    }

    /// Adds what the log should say.
    pub fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Cause(Arc::new(cause)));
        self
    }

    /// Adds `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The fields it names.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl From<sidecar::Error> for Problem {
    fn from(error: sidecar::Error) -> Self {
        if error.is_unavailable() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let context = Context::current();
        let body = Body {
            kind: format!(
                "urn:outrigger:problem:{}",
                serde_json::to_value(self.code).ok().and_then(|code| Some(code.as_str()?.to_owned())).unwrap_or_default()
            ),
            title: self.code.title().into(),
            status: self.code.status().as_u16(),
            detail: self.detail,
            instance: format!("urn:outrigger:request:{}", context.correlation_id),
            code: self.code,
            trace_id: format!("{:032x}", context.trace.trace_id),
            correlation_id: context.correlation_id.to_string(),
            errors: self.errors,
        };
        let mut response = (self.code.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

/// A cause that is only words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Words(pub String);
