//! `POST /app/tasks/{id}/stop`: it does not come again.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use contracts::task::Task;

use super::{row, task};
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;

/// `POST`.
///
/// # Errors
/// When there is no such task, it never came again, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let call = Call::new(Method::DELETE, "tasks", &["tasks", &id, "recurrence"]);
    let stopped: Task = form.visitor.call(call).await?.json()?;
    let back = page::back(Some(form.fields.get("back")));
    match form.fields.get("place") {
        _ if !form.visitor.wants_fragment() => Ok(form.visitor.go(&back)),
        "page" => task::changed(&form.visitor, &stopped, "It does not repeat any more").await,
        _ => row::changed(&form.visitor, &stopped, back, "It does not repeat any more", ""),
    }
}
