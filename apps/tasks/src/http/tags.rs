//! `/tags`: an owner's tags.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use service::fields::{self, Fields};
use service::request::{Id, JsonBody};
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;
use crate::store::Tag;
use crate::task::{MAX_TAG, tag_name};

/// Tags a list holds unless it says otherwise.
const DEFAULT_TAGS: i64 = 20;

/// A new tag.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "work" }))]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct CreateTag {
    /// 1-50 characters after trimming, no comma.
    name: String,
}

/// Makes a tag; one that exists, in any letter case, is given as it is.
#[utoipa::path(
    post, path = "/tags", tag = "tags", request_body = CreateTag, security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    responses((status = 201, description = "The new tag", body = Tag), (status = 200, description = "The tag that was there", body = Tag), service::openapi::Refusals)
)]
pub async fn create(State(room): State<Room>, caller: Caller, body: JsonBody) -> Result<Response, Problem> {
    let mut fields = body.fields;
    let name = fields.required("name", tag_name).unwrap_or_default();
    fields.finish()?;
    let id = Uuid::now_v7();
    if room.store.create_tag(id, caller.user_id, caller.tenant_id, &name).await? > 0 {
        return Ok((StatusCode::CREATED, Json(Tag { id, name, usage_count: 0 })).into_response());
    }
    let found = room.store.list_tags(caller.user_id, &name, i64::MAX).await?;
    let same = found.into_iter().find(|tag| tag.name.to_lowercase() == name.to_lowercase());
    // Deleted between the two statements: a repeat will make it.
    same.map(|tag| Json(tag).into_response()).ok_or_else(crate::error::contended)
}

/// The caller's tags, those that begin with the text first, then the most used.
#[utoipa::path(
    get, path = "/tags", tag = "tags", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("search" = Option<String>, Query), ("limit" = Option<i64>, Query, description = "1-100, 20 unless said otherwise")),
    responses((status = 200, description = "The tags", body = Vec<Tag>), service::openapi::Refusals)
)]
pub async fn list(State(room): State<Room>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<Vec<Tag>>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let search = fields.optional("search", |value| fields::text(value, 0, MAX_TAG)).unwrap_or_default();
    let limit = fields.optional("limit", |value| fields::integer(value, 1, 100)).unwrap_or(DEFAULT_TAGS);
    fields.finish()?;
    Ok(Json(room.store.list_tags(caller.user_id, &search, limit).await?))
}

/// Deletes a tag, also from all tasks.
#[utoipa::path(
    delete, path = "/tags/{id}", tag = "tags", security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Deleted"), service::openapi::Refusals)
)]
pub async fn delete(State(room): State<Room>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    match room.store.delete_tag(id, caller.user_id).await? {
        0 => Err(Problem::not_found()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
