//! The route table.

mod bulk;
mod complete;
mod create;
mod dates;
mod delete;
mod edit;
mod export;
mod feed;
mod history;
mod import;
mod invitations;
mod landing;
mod messages;
mod notifications;
mod people;
mod preferences;
mod priority;
mod reminders;
mod row;
mod series;
mod sign_in;
mod sign_out;
mod sign_up;
mod socket_token;
mod stop;
mod tags;
mod task;
mod tasks;
mod thread;
mod understood;
mod undo;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::failure::Failure;
use crate::{Site, assets, page};

/// Pages are for people: the document of the suite's API describes none of them.
#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Outrigger pages", description = "HTML; see the other apps for the API."))]
pub struct Document;

/// Every address below `/` and `/app`.
pub fn routes(site: Site) -> Router {
    Router::new()
        // For anyone.
        .route("/", get(landing::show))
        .route("/app/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/app/sign-up", get(sign_up::show).post(sign_up::submit))
        .route("/app/sign-out", post(sign_out::submit))
        .route("/app/static/{name}", get(assets::serve))
        // For the signed-in person.
        .route("/app", get(tasks::show))
        .route("/app/tasks", post(create::submit))
        .route("/app/tasks/dates", get(dates::show))
        .route("/app/tasks/understood", get(understood::show))
        .route("/app/tasks/{id}", get(task::show).post(edit::submit))
        .route("/app/tasks/bulk", post(bulk::submit))
        .route("/app/tasks/bulk/undo", post(bulk::undo))
        .route("/app/tasks/{id}/row", get(row::show))
        .route("/app/tasks/{id}/history", get(series::show))
        .route("/app/tasks/{id}/next", get(row::next))
        .route("/app/tasks/{id}/complete", post(complete::complete))
        .route("/app/tasks/{id}/stop", post(stop::submit))
        .route("/app/tasks/{id}/reopen", post(complete::reopen))
        .route("/app/tasks/{id}/priority", post(priority::submit))
        .route("/app/tasks/{id}/undo", post(undo::submit))
        .route("/app/tasks/{id}/delete", post(delete::delete))
        .route("/app/tasks/{id}/restore", post(delete::restore))
        .route("/app/tasks/{id}/reminders", get(reminders::show).post(reminders::add))
        .route("/app/tasks/{id}/reminders/{reminder}/delete", post(reminders::remove))
        .route("/app/tags", get(tags::show))
        .route("/app/history", get(history::show))
        .route("/app/import", get(import::show).post(import::submit))
        .route("/app/export", get(export::show))
        .route("/app/messages", get(messages::show).post(messages::begin))
        .route("/app/messages/unread", get(messages::unread))
        .route("/app/messages/{id}", get(thread::show).post(thread::say))
        .route("/app/messages/{id}/read", post(thread::read))
        .route("/app/messages/{id}/members", post(thread::add))
        .route("/app/messages/{id}/leave", post(thread::leave))
        .route("/app/notifications", get(notifications::show))
        .route("/app/notifications/read", post(notifications::read_until))
        .route("/app/notifications/{id}/read", post(notifications::read))
        .route("/app/people", get(people::show))
        .route("/app/people/invitations", post(invitations::make))
        .route("/app/people/invitations/{id}/revoke", post(invitations::revoke))
        .route("/app/preferences", get(preferences::show).post(preferences::submit))
        .route("/app/preferences/feed", post(feed::make))
        .route("/app/preferences/feed/revoke", post(feed::revoke))
        .route("/app/socket-token", post(socket_token::give))
        .route("/app/{*rest}", get(async || Failure::NotFound))
        .layer(middleware::from_fn_with_state(site.clone(), page::dress))
        .with_state(site)
}
