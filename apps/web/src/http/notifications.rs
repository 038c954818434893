//! `/app/notifications`: what the person was told in the page, and marking it read.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use service::fields::{Fields, integer};
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page::{self, Shell};
use crate::view::{ApiNotifications, Note};
use crate::visitor::Visitor;

/// Notifications on one page.
const LIMIT: i64 = 50;

#[derive(Template)]
#[template(path = "notifications.html")]
struct NotificationsPage {
    shell: Shell,
    notes: Vec<Note>,
    /// Now, as long as something is unread: what comes later was not shown.
    until: Option<String>,
    page: i64,
    has_more: bool,
    csrf: String,
}

#[derive(Template)]
#[template(path = "parts/notes.html")]
struct NotesFragment {
    shell: Shell,
    notes: Vec<Note>,
    /// Now, as long as something is unread: what comes later was not shown.
    until: Option<String>,
    page: i64,
    has_more: bool,
    csrf: String,
}

#[derive(Template)]
#[template(path = "parts/read.html")]
struct Read {
    id: Uuid,
    shell: Shell,
}

/// `GET`; to script the list and the number in the navigation.
///
/// # Errors
/// When notifications does not answer.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let page = Fields::of_query(query.as_deref()).optional("page", |value| integer(value, 1, 10_000)).unwrap_or(1);
    let call = Call::get("notifications", &["notifications"])
        .query(&[("limit", LIMIT.to_string()), ("offset", ((page - 1) * LIMIT).to_string())]);
    let found: ApiNotifications = visitor.call(call).await?.json()?;
    let shell = visitor.shell("Notifications", "notifications", Some(found.unread_count));
    let until = (found.unread_count > 0).then(|| visitor.now().to_rfc3339());
    let notes = found.items.into_iter().map(|item| Note::of(item, visitor.zone(), visitor.now())).collect();
    let (has_more, csrf) = (found.has_more, visitor.csrf());
    if visitor.wants_fragment() {
        return page::html(StatusCode::OK, &NotesFragment { shell, notes, until, page, has_more, csrf });
    }
    visitor.page(StatusCode::OK, &NotificationsPage { shell, notes, until, page, has_more, csrf })
}

/// Marks one read.
///
/// # Errors
/// When there is no such notification, or notifications does not answer.
pub async fn read(Path(id): Path<Uuid>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    visitor.call(Call::new(Method::POST, "notifications", &["notifications", &id.to_string(), "read"])).await?;
    if !visitor.wants_fragment() {
        return Ok(visitor.go("/app/notifications"));
    }
    let shell = visitor.shell("", "", visitor.unread().await);
    page::html(StatusCode::OK, &Read { id, shell })
}

/// Marks everything read that had come when the page was shown.
///
/// # Errors
/// When the form's moment is none, or notifications does not answer.
pub async fn read_until(form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let body = json!({ "until": form.fields.get("until") });
    visitor.call(Call::new(Method::POST, "notifications", &["notifications", "read"]).body(body)).await?;
    Ok(visitor.go("/app/notifications"))
}
