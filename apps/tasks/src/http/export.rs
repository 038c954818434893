//! `GET /tasks/export`: a person's tasks as a file for other programs.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use service::fields::{self, Fields};
use service::{Caller, Problem};

use crate::Room;
use crate::transfer::{self, Format, Reader};

/// All tasks as a file. In `taskwarrior` a repetition and a reminder are in an attribute of their own; `todoist` has open tasks only, and neither
/// reminders nor what is begun.
#[utoipa::path(
    get, path = "/tasks/export", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("format" = inline(Option<Format>), Query, description = "`json` unless said otherwise")),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/calendar"), (String = "text/csv"), (Vec<contracts::task::Task> = "application/json"))),
        service::openapi::Refusals)
)]
pub async fn export(State(room): State<Room>, caller: Caller, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let format = fields.optional("format", |value| fields::one_of::<Format>(value, &["ics", "todoist", "taskwarrior", "json"]));
    fields.finish()?;
    let reader = Reader { zone: caller.zoneinfo.parse().unwrap_or(chrono_tz::UTC), now: room.clock.now() };
    let tasks = room.store.all(caller.user_id, None).await?;
    let (file, kind, ending) = transfer::write(format.unwrap_or(Format::Json), &tasks, reader)?;
    let name = format!("attachment; filename=\"tasks.{ending}\"");
    let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
    let kind = HeaderValue::from_static(kind);
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], file).into_response())
}
