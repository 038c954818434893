//! `GET /app/export`: all tasks as a file to keep.

use axum::extract::RawQuery;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use service::fields::{Fields, text};

use crate::api::Call;
use crate::failure::Failure;
use crate::visitor::Visitor;

/// Formats: the API's name, the file's, its kind.
const FILES: [(&str, &str, &str); 4] = [
    ("ics", "tasks.ics", "text/calendar; charset=utf-8"),
    ("todoist", "tasks.csv", "text/csv; charset=utf-8"),
    ("taskwarrior", "tasks.json", "application/json"),
    ("json", "tasks.json", "application/json"),
];

/// `GET`; `format` says how.
///
/// # Errors
/// When there is no such format, or tasks does not answer.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let wanted = Fields::of_query(query.as_deref()).optional("format", |value| text(value, 0, 20)).unwrap_or_default();
    let (format, name, kind) = FILES.into_iter().find(|(format, ..)| *format == wanted).ok_or(Failure::NotFound)?;
    let call = Call::get("tasks", &["tasks", "export"]).query(&[("format", format.to_owned())]);
    let file = visitor.call(call).await?.bytes();
    Ok((
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))],
        file,
    )
        .into_response())
}
