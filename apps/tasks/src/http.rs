//! The route table.

use axum::Router;
use axum::routing::{delete, get, post};
use service::openapi::Bearer;
use utoipa::OpenApi;

use crate::Room;

mod bulk;
mod change;
mod changes;
mod complete;
mod create;
mod delete;
mod export;
mod feed;
mod history;
mod import;
mod list;
mod open;
mod read;
mod restore;
mod stop;
mod successor;
mod tags;
mod undo;
mod update;

pub use feed::Feed;
pub use history::History;

/// What people and their programs reach.
pub fn public(room: Room) -> Router {
    Router::new()
        .route("/tasks", post(create::create).get(list::list))
        .route("/tasks/changes", get(changes::changes))
        .route("/tasks/import", post(import::import))
        .route("/tasks/export", get(export::export))
        .route("/tasks/feed", post(feed::make).get(feed::show).delete(feed::revoke))
        .route("/tasks/feed.ics", get(feed::read))
        .route("/tasks/bulk", post(bulk::bulk))
        .route("/tasks/{id}", get(read::read).patch(update::update).delete(delete::delete))
        .route("/tasks/{id}/complete", post(complete::complete))
        .route("/tasks/{id}/restore", post(restore::restore))
        .route("/tasks/{id}/undo", post(undo::undo))
        .route("/tasks/{id}/history", get(history::history))
        .route("/tasks/{id}/recurrence", delete(stop::stop))
        .route("/tags", post(tags::create).get(tags::list))
        .route("/tags/{id}", delete(tags::delete))
        .with_state(room)
}

/// What other apps reach.
pub fn internal(room: Room) -> Router {
    Router::new()
        .route("/tasks/open", post(open::open))
        .route("/tasks/owner", post(open::owner))
        .route("/tasks/{id}/successor", post(successor::succeed))
        .with_state(room)
}

/// The public operations, described.
#[derive(OpenApi)]
#[openapi(
    info(title = "tasks", description = "Tasks and tags"),
    paths(create::create, list::list, changes::changes, import::import, export::export, feed::make, feed::show, feed::revoke, feed::read, bulk::bulk, read::read, update::update, delete::delete, complete::complete, restore::restore, undo::undo, history::history, stop::stop, tags::create, tags::list, tags::delete),
    modifiers(&Bearer)
)]
pub struct Document;
