//! The route table.

mod add_member;
mod create;
mod list;
mod mark_read;
mod messages;
mod read;
mod remove_member;
mod send;

use axum::Router;
use axum::routing::{delete, get, post};
use service::openapi::Bearer;

use crate::Room;

pub use mark_read::MarkedRead;
pub use messages::MessagePage;

/// For people and their programs.
pub fn public(room: Room) -> Router {
    Router::new()
        .route("/v1/messages", post(send::send))
        .route("/v1/conversations", get(list::list).post(create::create))
        .route("/v1/conversations/{id}", get(read::read))
        .route("/v1/conversations/{id}/members", post(add_member::add_member))
        .route("/v1/conversations/{id}/members/{user_id}", delete(remove_member::remove_member))
        .route("/v1/conversations/{id}/messages", get(messages::messages))
        .route("/v1/conversations/{id}/read", post(mark_read::mark_read))
        .with_state(room)
}

/// The public operations, described.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "messaging", description = "Conversations of a team: what was said, in which order, and who has read it."),
    paths(
        list::list, create::create, read::read, add_member::add_member, remove_member::remove_member, send::send, messages::messages,
        mark_read::mark_read
    ),
    modifiers(&Bearer)
)]
pub struct Document;
