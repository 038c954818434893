//! `POST /app/tasks/{id}/priority`: the keys 1, 2 and 3 on a row.

use axum::extract::Path;
use axum::http::{Method, header};
use axum::response::Response;
use contracts::task::Task;
use serde_json::json;

use super::edit::ROUNDS;
use super::row;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;

/// `POST`. What it was before is taken back by the version that this makes; a key that changes nothing makes none, and so must know its own.
///
/// # Errors
/// When there is no such task or priority, or tasks does not answer.
pub async fn submit(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visitor, mut round) = (&form.visitor, 1);
    let (before, task) = loop {
        let before = visitor.task(&id).await?;
        let call = Call::new(Method::PATCH, "tasks", &["tasks", &id]).body(json!({ "priority": form.fields.get("priority") }));
        match visitor.call(call.header(header::IF_MATCH, &format!("\"{}\"", before.version))).await {
            Err(failure) if failure.is_stale() && round < ROUNDS => round += 1,
            answer => break (before, answer?.json::<Task>()?),
        }
    };
    let back = page::back(Some(form.fields.get("back")));
    let (said, undo) = if task.version == before.version { ("", "") } else { ("Saved", "undo") };
    if visitor.wants_fragment() { row::changed(visitor, &task, back, said, undo) } else { Ok(visitor.go(&back)) }
}
