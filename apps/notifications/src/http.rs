//! The route table.

mod list;
mod read;
mod read_until;

use axum::Router;
use axum::routing::{get, post};
use service::Clock;
use service::openapi::Bearer;

use crate::store::Store;

pub use list::NotificationPage;

/// What every handler has.
#[derive(Clone)]
pub struct Room {
    /// Every statement.
    pub store: Store,
    /// Time.
    pub clock: Clock,
}

/// For people.
pub fn public(room: Room) -> Router {
    Router::new()
        .route("/notifications", get(list::list))
        .route("/notifications/read", post(read_until::read_until))
        .route("/notifications/{id}/read", post(read::read))
        .with_state(room)
}

/// The operations for people.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "notifications", description = "What a person was told in the page."),
    paths(list::list, read::read, read_until::read_until),
    components(schemas(NotificationPage)),
    modifiers(&Bearer)
)]
pub struct Document;
