//! `GET /tasks/{id}/history`: the instances of a recurring task.

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use contracts::task::Status;
use serde::{Deserialize, Serialize};
use service::fields::{self, Fields};
use service::request::Id;
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;

/// One instance of a series.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Which task.
    id: Uuid,
    /// Its title.
    title: String,
    /// Its number in the series, from 1; none for a task that does not recur.
    occurrence: Option<i32>,
    /// Completed, unless it was opened again.
    status: Status,
    /// When it was due.
    due_at: Option<DateTime<Utc>>,
    /// When it was completed.
    completed_at: Option<DateTime<Utc>>,
    /// When it was deleted, if it was.
    deleted_at: Option<DateTime<Utc>>,
}

/// The instances of a series.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The series; none for a task that does not recur.
    series_id: Option<Uuid>,
    /// The instance that is to be done, if there is one.
    open: Option<Instance>,
    /// The others of this page, the latest first.
    items: Vec<Instance>,
    /// The others in all pages.
    total: i64,
    /// Most items this page could hold.
    limit: i64,
    /// Items before this page.
    offset: i64,
    /// Whether there are items after this page.
    has_more: bool,
}

/// The instances of a recurring task, by the id of any of them: the open one apart, and all past ones, the latest first. What was completed and
/// then deleted stays in the history.
#[utoipa::path(
    get, path = "/tasks/{id}/history", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(
        ("id" = uuid::Uuid, Path),
        ("limit" = Option<i64>, Query, description = "1-100, 20 unless said otherwise"),
        ("offset" = Option<i64>, Query, description = "0-1,000,000")
    ),
    responses((status = 200, description = "The history", body = History), service::openapi::Refusals)
)]
pub async fn history(
    State(room): State<Room>,
    caller: Caller,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Json<History>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let (limit, offset) = fields::page(&mut fields);
    fields.finish()?;
    room.store.history(id, caller.user_id, limit, offset).await?.map(Json).ok_or_else(Problem::not_found)
}
