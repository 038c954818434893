//! `GET /app/tasks/{id}`: one task with its form and its reminders; to script, the part below the heading of the site.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::task::Task;

use super::reminders::{self, RemindersView};
use crate::failure::Failure;
use crate::page::{self, Shell};
use crate::task_form::TaskForm;
use crate::view::Row;
use crate::visitor::Visitor;

/// The part that changes.
pub struct TaskView {
    row: Row,
    form: TaskForm,
    reminders: RemindersView,
    csrf: String,
    back: String,
    zone: &'static str,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    shell: Shell,
    view: TaskView,
}

#[derive(Template)]
#[template(path = "parts/task.html")]
struct TaskFragment {
    view: TaskView,
}

#[derive(Template)]
#[template(path = "parts/edited.html")]
struct Edited {
    view: TaskView,
    said: &'static str,
}

/// `GET`.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn show(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let task = visitor.task(&id).await?;
    let form = TaskForm::of_task(&task, visitor.zone());
    page_with(&visitor, &task, form, StatusCode::OK).await
}

/// Page or fragment, around a form that may have been refused.
///
/// # Errors
/// When nobody is signed in.
pub async fn page_with(visitor: &Visitor, task: &Task, form: TaskForm, status: StatusCode) -> Result<Response, Failure> {
    if visitor.wants_fragment() {
        let view = view(visitor, task, form).await?;
        return page::html(status, &TaskFragment { view });
    }
    let (view, unread) = tokio::join!(view(visitor, task, form), visitor.unread());
    visitor.page(status, &TaskPage { shell: visitor.shell(&task.title, "tasks", unread), view: view? })
}

/// The fragment after a change, with a word that says so.
///
/// # Errors
/// When nobody is signed in.
pub async fn changed(visitor: &Visitor, task: &Task, said: &'static str) -> Result<Response, Failure> {
    let view = view(visitor, task, TaskForm::of_task(task, visitor.zone())).await?;
    page::html(StatusCode::OK, &Edited { view, said })
}

/// The whole page, around reminders that were refused.
///
/// # Errors
/// When it cannot be rendered.
pub async fn page_around(
    visitor: &Visitor,
    task: &Task,
    reminders: RemindersView,
    status: StatusCode,
) -> Result<Response, Failure> {
    let shell = visitor.shell(&task.title, "tasks", visitor.unread().await);
    let form = TaskForm::of_task(task, visitor.zone());
    visitor.page(status, &TaskPage { shell, view: around(visitor, task, form, reminders) })
}

async fn view(visitor: &Visitor, task: &Task, form: TaskForm) -> Result<TaskView, Failure> {
    Ok(around(visitor, task, form, reminders::view(visitor, task).await?))
}

fn around(visitor: &Visitor, task: &Task, form: TaskForm, reminders: RemindersView) -> TaskView {
    TaskView {
        row: Row::of(task, visitor.zone(), visitor.now()),
        reminders,
        form: form.dated(visitor.zone(), visitor.now()),
        csrf: visitor.csrf(),
        back: format!("/app/tasks/{}", task.id),
        zone: visitor.zone().name(),
    }
}
