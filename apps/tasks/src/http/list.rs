//! `GET /tasks`: one page of the caller's tasks.

use axum::Json;
use axum::extract::{RawQuery, State};
use contracts::Page;
use contracts::task::Task;
use service::{Caller, Problem};

use crate::Room;
use crate::filter::Filter;

/// One page of the caller's tasks, newest first unless sorted otherwise. All filters combine with AND. One that is sent empty is none; one that
/// is sent several times is as if joined by commas; what is sent twice counts once.
#[utoipa::path(
    get, path = "/tasks", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(
        ("search" = Option<String>, Query, description = "Up to 200 characters: words of title and description that must all match, in any form \
            and without regard to letter case and accents, the last also as the beginning of a word; quotes make a phrase, a leading minus excludes; \
            all else is plain text. Without `sort` the best match comes first, then the newest"),
        ("status" = Option<String>, Query, description = "One or several of todo, in_progress, completed, joined by commas; incomplete is the first two"),
        ("priority" = Option<String>, Query, description = "One or several of high, medium, low, joined by commas"),
        ("tags" = Option<String>, Query, description = "Names in any letter case, joined by commas, spaces around them do not count; a task must bear all of them"),
        ("tags_match" = Option<String>, Query, description = "all, unless it is any: then one of the tags is enough"),
        ("due_date_start" = Option<String>, Query, description = "A date, which is that whole day in the owner's zone, or an RFC 3339 time; inclusive"),
        ("due_date_end" = Option<String>, Query, description = "A date, which is that whole day in the owner's zone, or an RFC 3339 time; inclusive"),
        ("sort" = Option<String>, Query, description = "priority, due_date, created or title with _asc or _desc; several joined by commas sort in turn. \
            Tasks without a due date come last either way, and the newest first where nothing else decides"),
        ("limit" = Option<i64>, Query, description = "1-100, 20 unless said otherwise"),
        ("offset" = Option<i64>, Query, description = "0-1,000,000")
    ),
    responses((status = 200, description = "The page", body = Page<Task>), service::openapi::Refusals)
)]
pub async fn list(State(room): State<Room>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<Page<Task>>, Problem> {
    let filter = Filter::of(query.as_deref(), &caller)?;
    Ok(Json(room.store.list(&filter).await?))
}
