//! The words of RFC 6749 around `/auth`: parameters as JSON or as a form, and refusals that also say OAuth's `error`.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use service::problem::{Code, Problem};
use utoipa::ToSchema;

/// The longest parameter there is any use for.
const MAX_PARAMETER: usize = 512;
/// A problem is a few hundred bytes.
const MAX_PROBLEM: usize = 64 * 1024;

/// The parameters of a request. What the suite does not know is ignored, as the RFC wants.
#[derive(Debug)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// A parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request`, naming it.
    pub fn required(&mut self, name: &'static str) -> Result<String, Refusal> {
        self.optional(name).ok_or_else(|| Refusal::parameter(name, "is required"))
    }

    /// A parameter that may be absent; an empty one counts as absent (RFC 6749, 3.2).
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if value.len() > MAX_PARAMETER {
                return Err(Refusal::parameter(&name, &format!("may have at most {MAX_PARAMETER} bytes")));
            }
            if parameters.insert(name.clone(), value).is_some() {
                return Err(Refusal::parameter(&name, "must not be repeated"));
            }
        }
        Ok(Self(parameters))
    }

    fn of_json(body: Value) -> Result<Self, Refusal> {
        let Value::Object(values) = body else { return Err(Refusal::parameter("body", "must be a JSON object")) };
        let text = |(name, value): (String, Value)| match value {
            Value::String(text) => Some(Ok((name, text))),
            Value::Null => None,
            _ => Some(Err(Refusal::parameter(&name, "must be text"))),
        };
        Self::of(values.into_iter().filter_map(text).collect::<Result<Vec<_>, _>>()?)
    }
}

impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase()).unwrap_or_default();
        if kind.starts_with(b"application/x-www-form-urlencoded") {
            let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
            return match form {
                Ok(Form(pairs)) => Self::of(pairs),
                Err(rejection) if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
                    Err(Problem::new(Code::TooLarge, "The form is too large.").into())
                }
                Err(rejection) => Err(Refusal::invalid_request("The form cannot be read.").caused_by(rejection)),
            };
        }
        if !request.headers().get(header::CONTENT_TYPE).is_none_or(service::request::is_json) {
            return Err(Problem::new(Code::UnsupportedMediaType, "Send the body as application/json or as a form.").into());
        }
        let body = service::request::read(request, state).await?;
        let values = serde_json::from_slice(&body).map_err(|error| Refusal::malformed_json().caused_by(error))?;
        Self::of_json(values)
    }
}

/// A refusal with its word of RFC 6749, 5.2.
#[derive(Debug)]
pub struct Refusal {
    error: Word,
    problem: Problem,
}

/// The `error` of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// A parameter is missing, repeated or unreadable.
    InvalidRequest,
    /// No such client, or another secret.
    InvalidClient,
    /// The refresh token is unknown, used, revoked or over; or no account has this address and password.
    InvalidGrant,
    /// Only `client_credentials` and `password` are known.
    UnsupportedGrantType,
    /// More was asked for than the client has.
    InvalidScope,
    /// Our fault.
    ServerError,
    /// Try again later.
    TemporarilyUnavailable,
}

impl Refusal {
    /// 400: the request as a whole cannot be read.
    fn invalid_request(detail: impl Into<String>) -> Self {
        Self { error: Word::InvalidRequest, problem: Problem::new(Code::BadRequest, detail) }
    }

    /// 400: one parameter is missing, repeated or unreadable.
    fn parameter(name: &str, rule: &str) -> Self {
        let problem = Problem::new(Code::BadRequest, "A parameter breaks a rule.").naming(name, rule);
        Self { error: Word::InvalidRequest, problem }
    }

    /// 400: not JSON at all.
    fn malformed_json() -> Self {
        Self { error: Word::InvalidRequest, problem: Problem::new(Code::MalformedJson, "The body is not valid JSON.") }
    }

    /// 401: no such client, or another secret; which of the two is not said.
    pub fn invalid_client() -> Self {
        Self {
            error: Word::InvalidClient,
            problem: Problem::new(Code::Unauthorized, "There is no client with this id and secret."),
        }
    }

    /// 401: what was shown for a token is not good for one; which of the possible reasons it is, is not said.
    pub fn invalid_grant(detail: &'static str) -> Self {
        Self { error: Word::InvalidGrant, problem: Problem::new(Code::Unauthorized, detail) }
    }

    /// 400: a grant that is not known.
    pub fn unsupported_grant_type() -> Self {
        Self {
            error: Word::UnsupportedGrantType,
            problem: Problem::new(Code::BadRequest, "grant_type must be client_credentials or password."),
        }
    }

    /// 400: more than the client has.
    pub fn invalid_scope(detail: impl Into<String>) -> Self {
        Self { error: Word::InvalidScope, problem: Problem::new(Code::BadRequest, detail) }
    }

    /// Adds what the log should say.
    pub fn caused_by(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { problem: self.problem.caused_by(cause), ..self }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let error = match problem.code() {
            Code::Internal => Word::ServerError,
            Code::Unavailable => Word::TemporarilyUnavailable,
            _ => Word::InvalidRequest,
        };
        Self { error, problem }
    }
}

impl From<sidecar::Error> for Refusal {
    fn from(error: sidecar::Error) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        response.extensions_mut().insert(self.error);
        response
    }
}

/// Layer of the `/auth` routes: puts the word into the problem's body, and keeps every answer out of caches (RFC 6749, 5.1).
pub async fn finish(response: Response) -> Response {
    let (mut parts, mut body) = response.into_parts();
    if let Some(word) = parts.extensions.get::<Word>().copied() {
        let problem = axum::body::to_bytes(body, MAX_PROBLEM).await.unwrap_or_default();
        body = match serde_json::from_slice::<serde_json::Map<String, Value>>(&problem) {
            Ok(mut members) => {
                members.insert("error".into(), serde_json::json!(word));
                parts.headers.remove(header::CONTENT_LENGTH);
                Value::Object(members).to_string().into()
            }
            Err(_) => problem.into(),
        };
    }
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::json;

    use super::*;

    async fn read(kind: &str, body: &str) -> Result<Parameters, Refusal> {
        let request =
            axum::http::Request::post("/auth/token").header("content-type", kind).body(Body::from(body.to_owned())).unwrap();
        Parameters::from_request(request, &()).await
    }

    #[tokio::test]
    async fn json_and_forms_say_the_same() {
        for (kind, body) in [
            ("application/json", r#"{"client_id":"a b","x":"y"}"#),
            ("application/x-www-form-urlencoded; charset=utf-8", "client_id=a+b&x=y"),
        ] {
            let mut parameters = read(kind, body).await.unwrap();
            assert_eq!(parameters.required("client_id").unwrap(), "a b");
            assert_eq!(parameters.required("client_secret").unwrap_err().error, Word::InvalidRequest);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_invalid_request() {
        let long = format!("client_id={}", "x".repeat(MAX_PARAMETER + 1));
        for body in ["client_id=a&client_id=b", &long] {
            assert_eq!(read("application/x-www-form-urlencoded", body).await.unwrap_err().error, Word::InvalidRequest, "{body}");
        }
        for body in ["", "[]", "{", r#"{"client_id":7}"#, r#"{"client_id":"\ud800"}"#] {
            assert_eq!(read("application/json", body).await.unwrap_err().error, Word::InvalidRequest, "{body}");
        }
        assert_eq!(read("text/plain", "x").await.unwrap_err().problem.code(), Code::UnsupportedMediaType);
    }

    #[tokio::test]
    async fn a_refusal_is_a_problem_with_oauths_word() {
        let response = finish(Refusal::invalid_client().into_response()).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["cache-control"]),
            (401, &HeaderValue::from_static("no-store"))
        );
        let body: Value = serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 9999).await.unwrap()).unwrap();
        assert_eq!(
            (&body["error"], &body["code"], &body["status"]),
            (&json!("invalid_client"), &json!("unauthorized"), &json!(401))
        );
    }
}
