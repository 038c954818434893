//! `GET /tasks/changes`: what a client that keeps a copy has to catch up with.

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use contracts::task::Task;
use serde::Serialize;
use service::fields::{self, Fields};
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;
use crate::sync::{self, Token};

/// Changes of a page, and the most.
const LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 500;

/// What changed since a token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changes {
    /// Tasks as they are now. One may come twice: the later replaces the earlier.
    changed: Vec<Task>,
    /// Tasks that are gone.
    deleted: Vec<Deleted>,
    /// What to send as `since` the next time. It says nothing to a client.
    next: String,
    /// Whether to ask again at once.
    has_more: bool,
}

/// A task that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// Which.
    id: Uuid,
    /// When it was deleted.
    deleted_at: DateTime<Utc>,
}

/// What changed since a token of an answer before; without one, every task there is. With it a client keeps a copy: nothing is ever missed,
/// and what comes twice is the same or newer.
#[utoipa::path(
    get, path = "/tasks/changes", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(
        ("since" = Option<String>, Query, description = "`next` of the answer before; 29 days old at most"),
        ("limit" = Option<i64>, Query, description = "1-500, 100 unless said otherwise")
    ),
    responses(
        (status = 200, description = "The changes", body = Changes),
        (status = 410, description = "The copy is too old; begin anew", body = service::problem::Body, content_type = "application/problem+json"),
        service::openapi::Refusals)
)]
pub async fn changes(State(room): State<Room>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<Changes>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let token = fields.optional("since", Token::parse).unwrap_or_default();
    let limit = fields.optional("limit", |value| fields::integer(value, 1, MAX_LIMIT)).unwrap_or(LIMIT);
    fields.finish()?;
    let now = room.clock.now();
    token.check(now)?;
    let seen = room.store.changes(caller.user_id, &token, limit + 1).await?;
    if token.since > seen.ahead {
        // Of another history of the database: it was restored from a copy.
        return Err(sync::gone());
    }
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = seen.rows.len() > page;
    let last = seen.rows.get(page.saturating_sub(1)).filter(|_| has_more).map(|row| (row.changed_in, row.id));
    let (mut changed, mut deleted) = (Vec::new(), Vec::new());
    for row in seen.rows.into_iter().take(page) {
        match (row.task, row.deleted_at) {
            (_, Some(deleted_at)) => deleted.push(Deleted { id: row.id, deleted_at }),
            (Some(task), None) => changed.push(task),
            (None, None) => {}
        }
    }
    Ok(Json(Changes { changed, deleted, next: token.next(seen.settled, last, now).to_string(), has_more }))
}
