//! The claims of an access token: a JWT (RFC 7519) signed with RS256.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `iss` of every token.
pub const ISSUER: &str = "https://outrigger";
/// `aud` of every token.
pub const AUDIENCE: &str = "outrigger";
/// Scope of a person.
pub const SCOPE_USER: &str = "user";
/// Scope of an operator.
pub const SCOPE_OPS: &str = "ops";

/// Requests a minute that a token allows when it says nothing.
pub const DEFAULT_RATE: u32 = 60;

/// Scope of an app that calls the internal routes of `callee`.
pub fn internal_scope(callee: &str) -> String {
    format!("internal:{callee}")
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// User id, or app id of a calling app.
    pub sub: String,
    /// The person; absent in an app's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// Their tenant; absent in an app's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// Client the token was given to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Space-separated: `user`, `ops`, `internal:<app>`.
    pub scope: String,
    /// [`ISSUER`].
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// Unique per token.
    pub jti: Uuid,
    /// IANA time zone of the person when the token was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// State-changing requests a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

impl Claims {
    /// Whether the token has `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split_ascii_whitespace().any(|each| each == scope)
    }
}
