//! `GET /.well-known/jwks.json`: what tokens are verified by (RFC 7517).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use jsonwebtoken::jwk::JwkSet;

use crate::Context;

/// Short, so that a new key is known soon after a rotation.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// The public keys
///
/// During a rotation the previous key is there too.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "auth", operation_id = "read_keys",
    responses((status = 200, description = "A JSON Web Key set", body = Object, example = json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "thumbprint", "n": "modulus", "e": "AQAB" }] }))),
    extensions(("x-door" = json!("open")))
)]
pub async fn keys(State(context): State<Context>) -> ([(HeaderName, HeaderValue); 1], Json<JwkSet>) {
    ([(header::CACHE_CONTROL, CACHE)], Json(context.signer.published().clone()))
}
