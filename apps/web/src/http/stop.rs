//! `POST /app/tasks/{id}/stop`: it does not come again.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use contracts::task::Task;

use super::complete;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;

/// `POST`.
///
/// # Errors
/// When there is no such task, it never came again, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let before = form.visitor.task(&id).await?;
    let call = Call::new(Method::DELETE, "tasks", &["tasks", &id, "recurrence"]);
    let stopped: Task = form.visitor.call(call).await?.json()?;
    // One that was stopped before has a last change that is not this one.
    let undo = if stopped.version == before.version + 1 { "undo" } else { "" };
    complete::answer(&form, &stopped, "It does not repeat any more", undo).await
}
