//! `POST /app/tasks/{id}`: what was changed in the form, unless somebody changed the task meanwhile.

use axum::extract::Path;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use contracts::task::Task;

use super::task;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;
use crate::task_form::TaskForm;

/// How often a save is tried again when another one came between its read and its write.
pub const ROUNDS: u32 = 3;

/// `POST`.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visitor, zone) = (&form.visitor, form.visitor.zone());
    let mut typed = TaskForm::of_fields(&form.fields);
    let mut stored = visitor.task(&id).await?;
    for _ in 0..ROUNDS {
        if stored.version != typed.version {
            typed = typed.over(&stored, zone);
        }
        if typed.elsewhere.is_some() {
            break;
        }
        let (changes, own) = typed.changes(&stored, zone);
        if changes.is_empty() && own.is_empty() {
            return saved(&form, &stored, false).await;
        }
        let call = Call::new(Method::PATCH, "tasks", &["tasks", &id]).body(changes.into());
        match visitor.call(call.header(header::IF_MATCH, &format!("\"{}\"", stored.version))).await {
            Ok(answer) => {
                let task: Task = answer.json()?;
                return saved(&form, &task, task.version != stored.version).await;
            }
            Err(failure) if failure.is_stale() => stored = visitor.task(&id).await?,
            Err(Failure::Refused(body)) if matches!(body.status, 400 | 409 | 413 | 422) => {
                return task::page_with(visitor, &stored, typed.refused(&body, own), StatusCode::UNPROCESSABLE_ENTITY).await;
            }
            Err(failure) => return Err(failure),
        }
    }
    task::page_with(visitor, &stored, typed, StatusCode::CONFLICT).await
}

/// What was saved, with the way to take it back if it changed anything: the last change of what stayed as it was is an older one.
async fn saved(form: &Form, task: &Task, changed: bool) -> Result<Response, Failure> {
    let here = format!("/app/tasks/{}", task.id);
    match changed {
        _ if form.visitor.wants_fragment() => task::changed(&form.visitor, task, "Saved", changed).await,
        true => Ok(form.visitor.go(&page::with(&here, "saved", task.version))),
        false => Ok(form.visitor.go(&here)),
    }
}
