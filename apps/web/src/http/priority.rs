//! `POST /app/tasks/{id}/priority`: the keys 1, 2 and 3 on a row.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use contracts::task::Task;
use serde_json::json;

use super::row;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;

/// `POST`.
///
/// # Errors
/// When there is no such task or priority, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let call = Call::new(Method::PATCH, "tasks", &["tasks", &id]).body(json!({ "priority": form.fields.get("priority") }));
    let task: Task = form.visitor.call(call).await?.json()?;
    let back = page::back(Some(form.fields.get("back")));
    if form.visitor.wants_fragment() { row::changed(&form.visitor, &task, back, "", "") } else { Ok(form.visitor.go(&back)) }
}
