//! `GET /app/tasks/{id}`: one task with its form and its reminders; to script, the part below the heading of the site.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use contracts::task::Task;
use service::fields::{Fields, integer};

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
    /// Whether its last change was just made and can be taken back.
    undo: bool,
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
    undo: bool,
}

/// `GET`.
///
/// # Errors
/// When there is no such task, or tasks does not answer.
pub async fn show(visitor: Visitor, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let task = visitor.task(&id).await?;
    let form = TaskForm::of_task(&task, visitor.zone());
    let saved = Fields::of_query(query.as_deref()).optional("saved", |value| integer(value, 1, i64::MAX));
    shown(&visitor, &task, form, saved == Some(task.version), StatusCode::OK).await
}

/// Page or fragment, around a form that may have been refused.
///
/// # Errors
/// When nobody is signed in.
pub async fn page_with(visitor: &Visitor, task: &Task, form: TaskForm, status: StatusCode) -> Result<Response, Failure> {
    shown(visitor, task, form, false, status).await
}

async fn shown(visitor: &Visitor, task: &Task, form: TaskForm, undo: bool, status: StatusCode) -> Result<Response, Failure> {
    if visitor.wants_fragment() {
        let view = view(visitor, task, form).await?;
        return page::html(status, &TaskFragment { view });
    }
    let (view, unread) = tokio::join!(view(visitor, task, form), visitor.unread());
    visitor.page(status, &TaskPage { shell: visitor.shell(&task.title, "tasks", unread), view: view?, undo })
}

/// The fragment after a change, with a word that says so and, where that is possible, the way to take it back.
///
/// # Errors
/// When nobody is signed in.
pub async fn changed(visitor: &Visitor, task: &Task, said: &'static str, undo: bool) -> Result<Response, Failure> {
    let view = view(visitor, task, TaskForm::of_task(task, visitor.zone())).await?;
    page::html(StatusCode::OK, &Edited { view, said, undo })
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
    visitor.page(status, &TaskPage { shell, view: around(visitor, task, form, reminders), undo: false })
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
