//! `GET /app/tasks/understood`: how the line of a new task is read, while somebody types it.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use quickadd::Draft;

use crate::failure::Failure;
use crate::form::Fields;
use crate::page;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "parts/understood.html")]
struct Understood {
    draft: Draft,
}

/// `GET`; `title` is the line.
///
/// # Errors
/// When it cannot be rendered.
pub async fn show(visitor: Visitor, Query(fields): Query<Vec<(String, String)>>) -> Result<Response, Failure> {
    let draft = quickadd::read(Fields(fields).get("title"), visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &Understood { draft })
}
