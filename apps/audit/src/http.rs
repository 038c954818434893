//! The route table.

pub mod letter;
pub mod letters;
pub mod logs;
pub mod replay;
pub mod retention;
pub mod settle;

use axum::Router;
use axum::routing::{get, post};
use service::openapi::Bearer;
use utoipa::OpenApi;

use crate::State;

/// What people and operators ask.
pub fn public(state: State) -> Router {
    Router::new()
        .route("/audit-logs", get(logs::list))
        .route("/v1/admin/dlq", get(letters::list))
        .route("/v1/admin/dlq/{id}", get(letter::show))
        .route("/v1/admin/dlq/{id}/replay", post(replay::replay))
        .route("/v1/admin/dlq/{id}/discard", post(settle::discard))
        .with_state(state)
}

/// What the sidecar's clock asks. It asks with OPTIONS first whether the route is there.
pub fn jobs(state: State) -> Router {
    Router::new().route("/audit-retention", post(retention::run).options(async || ())).with_state(state)
}

/// The document of the public operations.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "audit", description = "Who did what and when, and the letters nobody could handle."),
    paths(logs::list, letters::list, letter::show, replay::replay, settle::discard),
    modifiers(&Bearer)
)]
pub struct Document;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_its_door() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 5);
        for operation in paths.values().flat_map(|path| path.as_object().unwrap().values()) {
            assert_eq!(operation["x-door"], "public", "{operation}");
            assert!(operation["security"].is_array());
        }
    }
}
