//! `POST /v1/conversations`: begins a conversation.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service::idempotency::{self, Key, remembered};
use service::request::JsonBody;
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;
use crate::announce::{Deed, events};
use crate::conversation::{Conversation, Member, member_ids, not_of_the_team, title};

/// What a new conversation may have.
#[derive(ToSchema)]
#[schema(example = json!({ "title": "Launch", "member_ids": [] }))]
#[expect(dead_code, reason = "describes the body; the fields are read one by one, so that one answer names every broken rule")]
pub struct CreateConversation {
    /// 1-100 characters after trimming; absent, and the pages show who is in it.
    title: Option<String>,
    /// People of the caller's team, at most 99; the caller is in it anyway.
    member_ids: Option<Vec<Uuid>>,
}

/// Begins a conversation. With an `Idempotency-Key` a repeat within 24 hours gets the first answer.
#[utoipa::path(
    post, path = "/v1/conversations", tag = "conversations", operation_id = "create_conversation", request_body = CreateConversation,
    security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible ASCII characters")),
    responses((status = 201, description = "The conversation", body = Conversation, headers(("Location" = String))), service::openapi::Refusals)
)]
pub async fn create(State(room): State<Room>, caller: Caller, headers: HeaderMap, body: JsonBody) -> Result<Response, Problem> {
    let now = room.clock.now();
    let key = Key::of(&headers, caller.user_id, "POST /v1/conversations", &body.raw)?;
    let mut fields = body.fields;
    let title = fields.optional("title", title);
    let mut others = fields.optional("member_ids", member_ids).unwrap_or_default();
    fields.finish()?;
    others.retain(|id| *id != caller.user_id);
    let strangers = room.store.strangers(caller.tenant_id, &others).await?;
    if !strangers.is_empty() {
        return Err(Problem::field("member_ids", not_of_the_team(&strangers)));
    }
    let member_ids = [vec![caller.user_id], others].concat();
    let member = |user_id: &Uuid| Member { user_id: *user_id, display_name: None, last_read_sequence: 0 };
    let conversation = Conversation {
        id: Uuid::now_v7(),
        title: title.clone(),
        created_by: caller.user_id,
        created_at: now,
        last_message_timestamp: now,
        last_message_content: None,
        last_sequence: 0,
        last_read_sequence: 0,
        unread_count: 0,
        members: member_ids.iter().map(member).collect(),
    };
    let events = events(&caller, conversation.id, Deed::Begun { title, member_ids }, now)?;
    let answer = remembered(key.as_ref(), StatusCode::CREATED, &conversation);
    match room.store.create(&conversation, caller.tenant_id, &events, &answer).await {
        Ok(_) => {
            room.metrics.conversations.inc();
            Ok(created(&conversation))
        }
        Err(error) if error.constraint() == Some(idempotency::CONSTRAINT) => match &key {
            Some(key) => key.replay(room.store.database()).await,
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn created(conversation: &Conversation) -> Response {
    let mut response = (StatusCode::CREATED, Json(conversation)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/conversations/{}", conversation.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
