//! `POST /app/tasks/{id}/delete`, and `/restore`, which takes it back.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;
use crate::view::Row;

#[derive(Template)]
#[template(path = "parts/deleted.html")]
struct Deleted {
    id: Uuid,
    csrf: String,
    back: String,
}

#[derive(Template)]
#[template(path = "parts/restored.html")]
struct Restored {
    row: Row,
    csrf: String,
    back: String,
    place: &'static str,
}

/// Deletes. The answer holds the way back.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn delete(Path(id): Path<Uuid>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    visitor.call(Call::new(Method::DELETE, "tasks", &["tasks", &id.to_string()])).await?;
    let back = page::back(Some(form.fields.get("back")));
    if visitor.wants_fragment() && form.fields.get("place") == "row" {
        return page::html(StatusCode::OK, &Deleted { id, csrf: visitor.csrf(), back });
    }
    // The task's own page is gone: the list says so.
    let list = if back.starts_with("/app/tasks/") { "/app" } else { &back };
    Ok(visitor.go(&page::with(list, "deleted", id)))
}

/// Takes a delete back.
///
/// # Errors
/// When it is gone for good, or tasks does not answer.
pub async fn restore(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let task = visitor.change(&id, "restore").await?;
    let back = page::back(Some(form.fields.get("back")));
    if !visitor.wants_fragment() {
        return Ok(visitor.go(&back));
    }
    let row = Row::of(&task, visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &Restored { row, csrf: visitor.csrf(), back, place: "row" })
}
