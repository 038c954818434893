//! `POST /app/tasks/{id}/complete` and `/reopen`.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use contracts::task::Task;
use serde_json::json;

use super::{row, task};
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;

/// Completes; a second time changes nothing.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn complete(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let task = form.visitor.change(&id, "complete").await?;
    answer(&form, &task, "Completed", "reopen").await
}

/// Opens it again.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn reopen(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let call = Call::new(Method::PATCH, "tasks", &["tasks", &id]).body(json!({ "status": "todo" }));
    let task: Task = form.visitor.call(call).await?.json()?;
    answer(&form, &task, "Reopened", "complete").await
}

/// What was done to a task, said where the person stands: on its page or at its row, with the way to take it back if there is one.
///
/// # Errors
/// When it cannot be rendered.
pub async fn answer(form: &Form, task: &Task, said: &'static str, undo: &'static str) -> Result<Response, Failure> {
    let back = page::back(Some(form.fields.get("back")));
    match form.fields.get("place") {
        _ if !form.visitor.wants_fragment() => Ok(form.visitor.go(&back)),
        // What has a button of its own there is taken back by it.
        "page" => task::changed(&form.visitor, task, said, undo == "undo").await,
        // Taking back is said by what it does.
        _ if form.fields.ticked("quiet") => row::changed(&form.visitor, task, back, "", ""),
        _ => row::changed(&form.visitor, task, back, said, undo),
    }
}
