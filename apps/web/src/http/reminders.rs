//! `/app/tasks/{id}/reminders`: when the person is told; list, add, remove.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use contracts::task::{Status, Task};
use serde_json::json;

use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::page;
use crate::reminder::{self, minutes};
use crate::view::{ApiReminders, Reminder};
use crate::visitor::Visitor;

const CONTROLS: [(&str, &str, &str); 2] = [("offset_minutes", "number", "The reminder"), ("due_at", "number", "The due time")];

/// The reminders of a task.
pub struct RemindersView {
    pub(super) task_id: String,
    /// None when they cannot be read just now.
    pub(super) items: Option<Vec<Reminder>>,
    /// The task's own reminder, in words, while reminders has not taken it in yet.
    pub(super) pending: Option<String>,
    /// Whether one can be added: there is a due time, and the task is open.
    pub(super) can_add: bool,
    pub(super) has_due: bool,
    pub(super) number: String,
    pub(super) unit: String,
    pub(super) errors: Errors,
    pub(super) csrf: String,
}

#[derive(Template)]
#[template(path = "parts/reminders.html")]
struct RemindersFragment {
    reminders: RemindersView,
}

/// What is known of a task's reminders; the page lives without them.
///
/// # Errors
/// When nobody is signed in.
pub async fn view(visitor: &Visitor, task: &Task) -> Result<RemindersView, Failure> {
    let id = task.id.to_string();
    let read = async { visitor.call(Call::get("reminders", &["tasks", &id, "reminders"])).await?.json::<ApiReminders>() };
    let items = match read.await {
        Ok(api) => Some(Reminder::all(api, visitor.zone(), visitor.now())),
        Err(failure) if failure.is_fatal() => return Err(failure),
        Err(failure) => {
            tracing::warn!(?failure, "reminders were not read");
            None
        }
    };
    let open = task.status != Status::Completed;
    let own = task.reminder_offset_minutes.filter(|_| open && task.due_at.is_some());
    let known = |offset| items.iter().flatten().any(|item| item.offset_minutes == offset && item.status != "cancelled");
    Ok(RemindersView {
        pending: own.filter(|offset| items.is_some() && !known(*offset)).map(reminder::words),
        can_add: open && task.due_at.is_some(),
        has_due: task.due_at.is_some(),
        task_id: id,
        items,
        number: "30".into(),
        unit: "minutes".into(),
        errors: Errors::default(),
        csrf: visitor.csrf(),
    })
}

/// `GET`: for script, until a reminder that was just set is known.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn show(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let task = visitor.task(&id).await?;
    if !visitor.wants_fragment() {
        return Ok(visitor.go(&format!("/app/tasks/{}", task.id)));
    }
    page::html(StatusCode::OK, &RemindersFragment { reminders: view(&visitor, &task).await? })
}

/// Adds one.
///
/// # Errors
/// When there is no such task, or an app does not answer.
pub async fn add(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (number, unit) = (form.fields.get("number"), form.fields.get("unit"));
    let errors = match minutes(number, unit) {
        Err(rule) => Errors::one("number", format!("The reminder {rule}.")),
        Ok(offset) => {
            let call =
                Call::new(Method::POST, "reminders", &["tasks", &id, "reminders"]).body(json!({ "offset_minutes": offset }));
            match form.visitor.call(call).await {
                Ok(_) => return answer(&form, &id, None).await,
                Err(Failure::Refused(body)) if body.status == 409 => {
                    Errors::one("number", "There is a reminder at that time already.")
                }
                Err(Failure::Refused(body)) if matches!(body.status, 400 | 422) => Errors::of(&body, &CONTROLS),
                Err(failure) => return Err(failure),
            }
        }
    };
    answer(&form, &id, Some(errors)).await
}

/// Removes one; one that is gone is removed.
///
/// # Errors
/// When an app does not answer.
pub async fn remove(Path((id, reminder)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let call = Call::new(Method::DELETE, "reminders", &["tasks", &id, "reminders", &reminder]);
    match form.visitor.call(call).await {
        Ok(_) => {}
        Err(Failure::Refused(body)) if body.status == 404 => {}
        Err(failure) => return Err(failure),
    }
    answer(&form, &id, None).await
}

async fn answer(form: &Form, id: &str, errors: Option<Errors>) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let status = if errors.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    if status.is_success() && !visitor.wants_fragment() {
        return Ok(visitor.go(&format!("/app/tasks/{id}#reminders")));
    }
    let task = visitor.task(id).await?;
    let mut reminders = view(visitor, &task).await?;
    if let Some(errors) = errors {
        reminders =
            RemindersView { number: form.fields.get("number").into(), unit: form.fields.get("unit").into(), errors, ..reminders };
    }
    if visitor.wants_fragment() {
        return page::html(status, &RemindersFragment { reminders });
    }
    super::task::page_around(visitor, &task, reminders, status).await
}
