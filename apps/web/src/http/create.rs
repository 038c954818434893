//! `POST /app/tasks`: a new task. The form's key makes a second submit harmless.

use askama::Template;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;
use contracts::task::Task;
use service::Code;

use super::tasks;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::list::List;
use crate::page;
use crate::task_form::TaskForm;
use crate::view::Row;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "parts/created.html")]
struct Created {
    row: Row,
    /// Whether more than the title was read from the line, which is then said.
    understood: bool,
    csrf: String,
    back: String,
}

#[derive(Template)]
#[template(path = "parts/create_form.html")]
struct CreateForm {
    form: TaskForm,
    csrf: String,
    back: String,
    zone: &'static str,
}

/// `POST`.
///
/// # Errors
/// When tasks does not answer.
pub async fn submit(form: Form) -> Result<Response, Failure> {
    let (visitor, back) = (&form.visitor, page::back(Some(form.fields.get("back"))));
    let typed = TaskForm::of_fields(&form.fields);
    let (read, understood) = typed.read(visitor.zone(), visitor.now());
    let (body, own) = read.creation(visitor.zone());
    let call =
        Call::new(Method::POST, "tasks", &["tasks"]).body(body).header(HeaderName::from_static("idempotency-key"), &typed.key);
    let refused = match visitor.call(call).await {
        Ok(answer) => return created(visitor, &answer.json()?, understood, &back),
        Err(Failure::Refused(body)) if body.code == Code::KeyReused => TaskForm {
            errors: Errors::one("title", "This was added before as you first typed it. Add it once more to have both."),
            key: TaskForm::new().key,
            ..typed
        },
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 409 | 413 | 422) => typed.refused(&body, own),
        Err(failure) => return Err(failure),
    };
    if visitor.wants_fragment() {
        let fragment = CreateForm {
            form: refused.dated(visitor.zone(), visitor.now()),
            csrf: visitor.csrf(),
            back,
            zone: visitor.zone().name(),
        };
        return page::html(StatusCode::UNPROCESSABLE_ENTITY, &fragment);
    }
    tasks::page_with(visitor, List::at(&back), refused, None, None, StatusCode::UNPROCESSABLE_ENTITY).await
}

fn created(visitor: &Visitor, task: &Task, understood: bool, back: &str) -> Result<Response, Failure> {
    if !visitor.wants_fragment() {
        return Ok(visitor.go(&if understood { page::with(back, "added", task.id) } else { back.to_owned() }));
    }
    let row = Row::of(task, visitor.zone(), visitor.now());
    page::html(StatusCode::OK, &Created { row, understood, csrf: visitor.csrf(), back: back.to_owned() })
}
