//! What the operations of every app share in the OpenAPI document.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoResponses, Modify};

use crate::problem::Body;

/// The refusals that any public operation may answer: `responses(..., service::openapi::Refusals)`.
#[derive(IntoResponses)]
pub enum Refusals {
    /// The body is not JSON, or a header is broken.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] Body),
    /// No token, or one that is expired, not ours or not meant for this.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Body),
    /// There is no such thing, or it is another owner's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Body),
    /// One or more fields break a rule; each is named.
    #[response(status = 422, content_type = "application/problem+json")]
    InvalidFields(#[to_schema] Body),
    /// More requests than the limit.
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(#[to_schema] Body),
    /// A part does not answer.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Body),
}

/// Declares the bearer token: `#[openapi(modifiers(&service::openapi::Bearer))]`; operations name it as `security(("bearer" = []))`.
#[derive(Debug)]
pub struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
