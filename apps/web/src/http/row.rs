//! `GET /app/tasks/{id}/row`: one row of the list, for script to put in place of the old one.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use contracts::task::Task;
use service::fields::{Fields, text};

use crate::failure::Failure;
use crate::page;
use crate::view::Row;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "parts/row.html")]
struct RowFragment {
    row: Row,
    csrf: String,
    back: String,
    place: &'static str,
}

#[derive(Template)]
#[template(path = "parts/row_changed.html")]
struct RowChanged {
    row: Row,
    csrf: String,
    back: String,
    place: &'static str,
    said: &'static str,
    /// Where the change is taken back.
    undo: &'static str,
}

#[derive(Template)]
#[template(path = "parts/next.html")]
struct Next {
    row: Row,
}

/// `GET /app/tasks/{id}/next`: a word that says when a task comes again.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn next(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let row = Row::of(&visitor.task(&id).await?, visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &Next { row })
}

/// `GET`; `back` is the list it stands in.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn show(visitor: Visitor, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let task = visitor.task(&id).await?;
    let wanted = Fields::of_query(query.as_deref()).optional("back", |value| text(value, 0, 500));
    let row = Row::of(&task, visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &RowFragment { row, csrf: visitor.csrf(), back: page::back(wanted.as_deref()), place: "row" })
}

/// The row after a change, with a word that says so and the way to take it back.
///
/// # Errors
/// When it cannot be rendered.
pub fn changed(
    visitor: &Visitor,
    task: &Task,
    back: String,
    said: &'static str,
    undo: &'static str,
) -> Result<Response, Failure> {
    let row = Row::of(task, visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &RowChanged { row, csrf: visitor.csrf(), back, place: "row", said, undo })
}
