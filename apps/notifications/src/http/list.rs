//! `GET /notifications`: what the caller was told in the page, newest first.

use axum::Json;
use axum::extract::{RawQuery, State};
use contracts::update::Notification;
use serde::Serialize;
use service::Caller;
use service::fields::{Fields, boolean, page};
use service::openapi::Refusals;
use service::problem::Problem;
use utoipa::ToSchema;

use super::Room;

/// One page of notifications.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationPage {
    /// The notifications, newest first.
    items: Vec<Notification>,
    /// Notifications in all pages.
    total: i64,
    /// Most notifications this page could hold.
    limit: i64,
    /// Notifications before this page.
    offset: i64,
    /// Whether there are notifications after this page.
    has_more: bool,
    /// How many are unread, whatever the page.
    unread_count: i64,
}

/// What the caller was told in the page, newest first.
#[utoipa::path(
    get,
    path = "/notifications",
    tag = "notifications",
    params(
        ("unread" = Option<bool>, Query, description = "Only those that were not read"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Most notifications of a page; 20 when absent"),
        ("offset" = Option<i64>, Query, minimum = 0, description = "Notifications before the page"),
    ),
    responses((status = 200, description = "A page", body = NotificationPage), Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(
    State(room): State<Room>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<NotificationPage>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let unread = fields.optional("unread", boolean).unwrap_or(false);
    let (limit, offset) = page(&mut fields);
    fields.finish()?;
    let listed = room.store.list(caller.user_id, unread, limit, offset).await?;
    let has_more = offset + (listed.items.len() as i64) < listed.total;
    Ok(Json(NotificationPage {
        items: listed.items,
        total: listed.total,
        limit,
        offset,
        has_more,
        unread_count: listed.unread_count,
    }))
}
