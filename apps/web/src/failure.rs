//! Why there is no page to give. What it looks like, page or fragment, is decided in [`crate::page::dress`].

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use service::problem::{Body, Cause, Words};

/// Why there is no page to give.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Nobody is signed in, or the session is over.
    SignedOut,
    /// An app did not take the token; a new one may help.
    Unauthorized,
    /// The form was not made for this session, or another site sent it.
    NotOurs,
    /// There is no such page, task or notification.
    NotFound,
    /// An app refused, and says why.
    Refused(Box<Body>),
    /// The request itself could not be read.
    Unreadable,
    /// A part did not answer; the text is for the log.
    Away(String),
    /// Our fault; the text is for the log.
    Internal(String),
}

impl Failure {
    /// Status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut | Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotOurs => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Refused(body) => StatusCode::from_u16(body.status).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What happened, in a line.
    pub fn title(&self) -> &'static str {
        match self {
            Self::SignedOut | Self::Unauthorized => "Please sign in again",
            Self::NotOurs => "This form was not made for your session",
            Self::NotFound => "There is nothing here",
            Self::Refused(body) if body.status == 404 => "There is nothing here",
            Self::Refused(body) if body.status == 429 => "That was a lot at once",
            Self::Refused(_) => "That was not accepted",
            Self::Unreadable => "The request could not be read",
            Self::Away(_) => "Part of the service does not answer",
            Self::Internal(_) => "Something went wrong on our side",
        }
    }

    /// What was kept and what to do.
    pub fn advice(&self) -> String {
        match self {
            Self::SignedOut | Self::Unauthorized => "Your session is over. Sign in, and you come back to where you were.".into(),
            Self::NotOurs => "Nothing was changed. Go back, reload the page and send it again.".into(),
            Self::NotFound => "It may have been deleted, or the address may be incomplete.".into(),
            Self::Refused(body) if body.status == 404 => "It may have been deleted, also by you in another window.".into(),
            Self::Refused(body) if body.status == 429 => "Nothing was changed. Wait a minute and try again.".into(),
            Self::Refused(body) => match body.errors.first() {
                Some(error) => format!("Nothing was changed: {} {}.", error.field.replace('_', " "), error.message),
                None => format!("Nothing was changed. {}", body.detail),
            },
            Self::Unreadable => "Nothing was changed. Go back, reload the page and send it again.".into(),
            Self::Away(_) => "Nothing was lost. Try again in a moment.".into(),
            Self::Internal(_) => "It was recorded. Try again; if it stays, quote the number below.".into(),
        }
    }

    /// Whether this is the refusal of a version that is no longer the current one.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Refused(body) if body.status == 412)
    }

    /// Whether the whole page has to give way, rather than a part of it say so.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::SignedOut | Self::Unauthorized)
    }
}

impl From<sidecar::Error> for Failure {
    fn from(error: sidecar::Error) -> Self {
        match error {
            sidecar::Error::HostilePath(_) => Self::NotFound,
            error if error.is_unavailable() => Self::Away(error.to_string()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Self::Away(cause) | Self::Internal(cause) = &self {
            response.extensions_mut().insert(Cause(std::sync::Arc::new(Words(cause.clone()))));
        }
        response.extensions_mut().insert(self);
        response
    }
}
