//! `/tasks/feed`: the address under which a calendar program reads its owner's tasks, and the file that it reads there.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::task::FEED_KEY;
use serde::{Deserialize, Serialize};
use service::access::Actor;
use service::secret::{self, Hash};
use service::{Caller, Problem};
use utoipa::ToSchema;

use crate::Room;
use crate::transfer::{Reader, ics};

/// How long a completed task stays in the feed: a calendar goes on showing the month that has just passed.
const COMPLETED_FOR: TimeDelta = TimeDelta::days(30);

/// A feed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Feed {
    /// When its address was made.
    pub created_at: DateTime<Utc>,
}

/// A feed that was just made.
#[derive(Serialize, ToSchema)]
pub struct NewFeed {
    /// Its address: whoever has it reads the feed. It is told this once.
    #[schema(example = "https://outrigger.example/tasks/feed.ics?key=3q2-7w")]
    url: String,
    /// When it was made.
    created_at: DateTime<Utc>,
}

/// Makes the caller's calendar feed, or gives it a new address: the one before reads nothing from now on. The address is told in this answer and
/// never again, so no `Idempotency-Key` brings it back: whoever lost the answer makes another.
#[utoipa::path(
    post, path = "/tasks/feed", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    responses((status = 201, description = "The feed with its address", body = NewFeed), service::openapi::Refusals)
)]
pub async fn make(State(room): State<Room>, caller: Caller) -> Result<Response, Problem> {
    let (key, created_at) = (secret::new()?, room.clock.now());
    room.store.make_feed(&caller, &Hash::of(key.reveal()), created_at).await?;
    tracing::info!(user_id = %caller.user_id, "a calendar feed was made");
    let url = format!("{}/tasks/feed.ics?key={}", room.public_url.trim_end_matches('/'), key.reveal());
    Ok((StatusCode::CREATED, Json(NewFeed { url, created_at })).into_response())
}

/// Whether the caller has a calendar feed, and since when; its address is not told again.
#[utoipa::path(
    get, path = "/tasks/feed", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    responses((status = 200, description = "The feed", body = Feed), service::openapi::Refusals)
)]
pub async fn show(State(room): State<Room>, caller: Caller) -> Result<Json<Feed>, Problem> {
    room.store.show_feed(caller.user_id).await?.map(Json).ok_or_else(Problem::not_found)
}

/// Revokes the caller's calendar feed: its address reads nothing from now on.
#[utoipa::path(
    delete, path = "/tasks/feed", tag = "tasks", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    responses((status = 204, description = "Revoked"), service::openapi::Refusals)
)]
pub async fn revoke(State(room): State<Room>, caller: Caller) -> Result<StatusCode, Problem> {
    if room.store.revoke_feed(caller.user_id).await? == 0 {
        return Err(Problem::not_found());
    }
    tracing::info!(user_id = %caller.user_id, "a calendar feed was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// The calendar that a feed's address reads: the open tasks and those completed in the last 30 days as to-dos, and each that has a due time as an
/// event too, since most calendars show nothing else. Whatever else stands in the query is ignored; calendar programs add words of their own.
#[utoipa::path(
    get, path = "/tasks/feed.ics", tag = "tasks", extensions(("x-door" = json!("open"))),
    params(
        ("key" = Option<String>, Query, description = "The key in the feed's address"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer before")),
    responses(
        (status = 200, description = "The calendar", body = String, content_type = "text/calendar", headers(("ETag" = String))),
        (status = 304, description = "It is what it was"),
        service::openapi::Refusals)
)]
pub async fn read(State(room): State<Room>, Extension(actor): Extension<Actor>, headers: HeaderMap) -> Result<Response, Problem> {
    let shown = headers.get(FEED_KEY).and_then(|key| key.to_str().ok()).ok_or_else(Problem::not_found)?;
    let feed = room.store.find_feed(&Hash::of(shown)).await?.ok_or_else(Problem::not_found)?;
    // Nobody asks by name; the log says whose tasks were read.
    let _ = actor.0.set(feed.user_id);
    let now = room.clock.now();
    let tasks = room.store.all(feed.user_id, Some(now - COMPLETED_FOR)).await?;
    let zone = feed.timezone.and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC);
    let calendar = ics::feed(&tasks, Reader { zone, now });
    let etag = format!("\"{}\"", Hash::of(&calendar).text());
    let known = is_known(&headers, &etag);
    let kept = [
        (header::ETAG, HeaderValue::try_from(etag).map_err(Problem::internal)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], calendar).into_response())
}

/// Whether `If-None-Match` names this tag (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
