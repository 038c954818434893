//! `POST /app/tasks/{id}`: what was changed in the form, unless somebody changed the task meanwhile.

use axum::extract::Path;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use contracts::task::Task;

use super::task;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::task_form::TaskForm;

/// `POST`.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visitor, typed) = (&form.visitor, TaskForm::of_fields(&form.fields));
    let stored = visitor.task(&id).await?;
    if stored.version != typed.version {
        return task::page_with(visitor, &stored, typed.over(&stored, visitor.zone()), StatusCode::CONFLICT).await;
    }
    let changes = match typed.changes(&stored, visitor.zone()) {
        Ok(changes) => changes,
        Err(errors) => {
            return task::page_with(visitor, &stored, TaskForm { errors, ..typed }, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    if changes.is_empty() {
        return saved(&form, &stored).await;
    }
    let call = Call::new(Method::PATCH, "tasks", &["tasks", &id])
        .body(changes.into())
        .header(header::IF_MATCH, &format!("\"{}\"", stored.version));
    match visitor.call(call).await {
        Ok(answer) => saved(&form, &answer.json()?).await,
        Err(failure) if failure.is_stale() => {
            let newer = visitor.task(&id).await?;
            task::page_with(visitor, &newer, typed.over(&newer, visitor.zone()), StatusCode::CONFLICT).await
        }
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 409 | 413 | 422) => {
            task::page_with(visitor, &stored, typed.refused(&body), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(failure) => Err(failure),
    }
}

async fn saved(form: &Form, task: &Task) -> Result<Response, Failure> {
    if form.visitor.wants_fragment() {
        return task::changed(&form.visitor, task, "Saved").await;
    }
    Ok(form.visitor.go(&format!("/app/tasks/{}", task.id)))
}
