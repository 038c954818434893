//! The route table.

pub mod internal;
pub mod invitations;
pub mod keys;
pub mod people;
pub mod preferences;
pub mod refresh;
pub mod revoke;
pub mod sign_up;
pub mod token;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{delete, get, post};
use service::openapi::Bearer;
use utoipa::OpenApi;

use crate::{Context, oauth};

/// What anyone may ask.
pub fn public(context: Context) -> Router {
    let oauth = Router::new()
        .route("/auth/token", post(token::token))
        .route("/auth/refresh", post(refresh::refresh))
        .route("/auth/revoke", post(revoke::revoke))
        .layer(map_response(oauth::finish));
    Router::new()
        .route("/auth/signup", post(sign_up::sign_up))
        .merge(oauth)
        .route("/.well-known/jwks.json", get(keys::keys))
        .route("/users/me/preferences", get(preferences::read::read).patch(preferences::change::change))
        .route("/people", get(people::list))
        .route("/invitations", post(invitations::make::make).get(invitations::list::list))
        .route("/invitations/{id}", delete(invitations::revoke::revoke))
        .with_state(context)
}

/// What `web` and `cli` may ask, below `/internal`.
pub fn internal(context: Context) -> Router {
    Router::new()
        .route("/sessions", post(internal::sign_in::sign_in))
        .route("/sessions", delete(internal::sign_out::sign_out))
        .route("/sessions/token", post(internal::session_token::session_token))
        .route("/users/grant", post(internal::grant::grant))
        .with_state(context)
}

/// The public operations, as the gateway shows them.
#[derive(OpenApi)]
#[openapi(
    info(title = "identity", description = "Who is who: people and their invitations, client credentials, tokens and their keys."),
    paths(
        sign_up::sign_up,
        token::token,
        refresh::refresh,
        revoke::revoke,
        keys::keys,
        preferences::read::read,
        preferences::change::change,
        people::list,
        invitations::make::make,
        invitations::list::list,
        invitations::revoke::revoke
    ),
    components(schemas(service::problem::Body, oauth::Word)),
    modifiers(&Bearer)
)]
pub struct Document;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_its_door_and_every_body_has_an_example() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                operations += 1;
                let door = operation["x-door"].as_str();
                let expected = if path.starts_with("/auth") || path.starts_with("/.") { "open" } else { "public" };
                assert_eq!(door, Some(expected), "{method} {path}");
                assert_eq!(operation.get("security").is_some(), expected == "public", "{method} {path}");
                for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                    assert!(content.get("example").is_some(), "{method} {path} {kind}");
                }
            }
        }
        assert_eq!(operations, 11);
    }
}
