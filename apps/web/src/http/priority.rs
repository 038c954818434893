//! `POST /app/tasks/{id}/priority`: the keys 1, 2 and 3 on a row.

use axum::extract::Path;
use axum::response::Response;
use serde_json::json;

use super::row;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;

/// `POST`. What it was before is taken back by the version that this makes; a key that changes nothing makes none, and so must know its own.
///
/// # Errors
/// When there is no such task or priority, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let (before, sent) = visitor.patch(&id, |_| Some(json!({ "priority": form.fields.get("priority") }))).await?;
    let (version, task) = (before.version, sent.unwrap_or(Ok(before))?);
    let back = page::back(Some(form.fields.get("back")));
    let (said, undo) = if task.version == version { ("", "") } else { ("Saved", "undo") };
    if visitor.wants_fragment() { row::changed(visitor, &task, back, said, undo) } else { Ok(visitor.go(&back)) }
}
