//! `GET /app/tasks/{id}/history`: the instances of a recurring task.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::list::{LIMIT, List};
use crate::page::Shell;
use crate::view::Moment;
use crate::visitor::Visitor;

/// As the API answers it.
#[derive(Deserialize)]
struct ApiInstance {
    id: Uuid,
    title: String,
    occurrence: Option<i32>,
    due_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

/// As the API answers it.
#[derive(Deserialize)]
struct ApiHistory {
    open: Option<ApiInstance>,
    items: Vec<ApiInstance>,
    total: i64,
    has_more: bool,
}

/// One instance on the page.
struct Instance {
    id: Uuid,
    title: String,
    number: i32,
    due: Option<Moment>,
    completed: Option<Moment>,
    /// Then it has no page any more.
    is_deleted: bool,
}

#[derive(Template)]
#[template(path = "series.html")]
struct SeriesPage {
    shell: Shell,
    /// Which instance it was asked for.
    id: String,
    open: Option<Instance>,
    past: Vec<Instance>,
    total: i64,
    page: i64,
    has_more: bool,
}

/// `GET`; any instance of the series will do.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn show(visitor: Visitor, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let page = List::of(query.as_deref()).page;
    let call = Call::get("tasks", &["tasks", &id, "history"]);
    let call = call.query(&[("limit", LIMIT.to_string()), ("offset", ((page - 1) * LIMIT).to_string())]);
    let (read, unread) = tokio::join!(visitor.call(call), visitor.unread());
    let found: ApiHistory = read?.json()?;
    let moment = |at: DateTime<Utc>| Moment::of(at, visitor.zone(), visitor.now());
    let instance = |each: ApiInstance| Instance {
        id: each.id,
        title: each.title,
        number: each.occurrence.unwrap_or(1),
        due: each.due_at.map(moment),
        completed: each.completed_at.map(moment),
        is_deleted: each.deleted_at.is_some(),
    };
    let series = SeriesPage {
        shell: visitor.shell("History of a task", "history", unread),
        id,
        open: found.open.map(instance),
        past: found.items.into_iter().map(instance).collect(),
        total: found.total,
        page,
        has_more: found.has_more,
    };
    visitor.page(StatusCode::OK, &series)
}
