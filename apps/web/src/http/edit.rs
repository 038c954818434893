//! `POST /app/tasks/{id}`: what was changed in the form, unless somebody changed the task meanwhile.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::task::Task;

use super::task;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::page;
use crate::task_form::TaskForm;

/// `POST`.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visitor, zone) = (&form.visitor, form.visitor.zone());
    let (mut typed, mut own) = (TaskForm::of_fields(&form.fields), Errors::default());
    let patch = visitor.patch(&id, |stored| {
        if stored.version != typed.version {
            typed = typed.clone().over(stored, zone);
        }
        let (changes, wrong) = typed.changes(stored, zone);
        own = wrong;
        let is_whole = typed.elsewhere.is_none() && !(changes.is_empty() && own.is_empty());
        is_whole.then(|| changes.into())
    });
    let (stored, sent) = patch.await?;
    match sent {
        Some(Ok(task)) => return saved(&form, &task, task.version != stored.version).await,
        Some(Err(Failure::Refused(body))) if matches!(body.status, 400 | 409 | 413 | 422) => {
            return task::page_with(visitor, &stored, typed.refused(&body, own), StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        Some(Err(failure)) if !failure.is_stale() => return Err(failure),
        Some(Err(_)) => typed.elsewhere = Some("It is being changed again and again.".into()),
        None if typed.elsewhere.is_none() => return saved(&form, &stored, false).await,
        None => {}
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
