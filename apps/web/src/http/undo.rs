//! `POST /app/tasks/{id}/undo`: takes the change back that made this version of a task.

use axum::extract::Path;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use contracts::task::Task;

use super::{row, task};
use crate::api::{self, Call};
use crate::failure::Failure;
use crate::form::Form;
use crate::page;

/// `POST`.
///
/// # Errors
/// When it was changed since, nothing is kept of before, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visitor, version) = (&form.visitor, format!("\"{}\"", form.fields.get("version")));
    let call = Call::new(Method::POST, "tasks", &["tasks", &id, "undo"]).header(header::IF_MATCH, &version);
    let before: Task = match visitor.call(call).await {
        Err(failure) if failure.is_stale() => {
            let detail = "The task was changed again since, and that stands.";
            return Err(Failure::Refused(Box::new(api::problem(StatusCode::CONFLICT, "Too late", detail))));
        }
        answer => answer?.json()?,
    };
    let back = page::back(Some(form.fields.get("back")));
    match form.fields.get("place") {
        _ if !visitor.wants_fragment() => Ok(visitor.go(&back)),
        "page" => task::changed(visitor, &before, "Taken back", false).await,
        _ => row::changed(visitor, &before, back, "Taken back", ""),
    }
}
