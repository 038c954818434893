//! `GET /app/tasks/dates`: the dates that a form would give, before it is saved.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;

use crate::failure::Failure;
use crate::form::Fields;
use crate::page;
use crate::task_form::TaskForm;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "parts/dates.html")]
struct Dates {
    form: TaskForm,
}

/// `GET`; the form's fields are the query.
///
/// # Errors
/// When it cannot be rendered.
pub async fn show(visitor: Visitor, Query(fields): Query<Vec<(String, String)>>) -> Result<Response, Failure> {
    let form = TaskForm::of_fields(&Fields(fields)).dated(visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &Dates { form })
}
