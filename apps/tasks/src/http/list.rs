//! `GET /tasks`: one page of the caller's tasks.

use axum::Json;
use axum::extract::{RawQuery, State};
use contracts::Page;
use contracts::task::Task;
use service::{Caller, Problem};

use crate::Room;
use crate::filter::Filter;

/// One page of the caller's tasks, newest first unless sorted otherwise. All filters combine with AND.
#[utoipa::path(
    get, path = "/tasks", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(
        ("search" = Option<String>, Query, description = "Words that must all match, the last also as a prefix; quotes make a phrase, a leading minus excludes"),
        ("status" = Option<String>, Query, description = "One or several of todo, in_progress, completed, joined by commas"),
        ("priority" = Option<String>, Query, description = "One or several of high, medium, low, joined by commas"),
        ("tags" = Option<String>, Query, description = "Names joined by commas; a task must bear all of them"),
        ("tags_match" = Option<String>, Query, description = "all or any"),
        ("due_date_start" = Option<String>, Query, description = "A date in the owner's zone, or an RFC 3339 time; inclusive"),
        ("due_date_end" = Option<String>, Query, description = "A date in the owner's zone, or an RFC 3339 time; inclusive"),
        ("sort" = Option<String>, Query, description = "priority, due_date, created or title with _asc or _desc; two joined by a comma"),
        ("limit" = Option<i64>, Query, description = "1-100, 20 unless said otherwise"),
        ("offset" = Option<i64>, Query, description = "From 0")
    ),
    responses((status = 200, description = "The page", body = Page<Task>), service::openapi::Refusals)
)]
pub async fn list(State(room): State<Room>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<Page<Task>>, Problem> {
    let filter = Filter::of(query.as_deref(), &caller)?;
    Ok(Json(room.store.list(&filter).await?))
}
