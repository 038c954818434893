//! `POST /v1/messages`: says something in a conversation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::message::{Message, MessageStatus};
use service::request::JsonBody;
use service::{Caller, Code, Problem, fields};
use sidecar::Context;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;
use crate::announce::{Deed, events};
use crate::message::{self, Accepted, content};
use crate::store::{Draft, MESSAGE_ONCE};

/// A message to send.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "018f2f6e-0000-7000-8000-000000000001", "conversation_id": "018f2f6e-0000-7000-8000-000000000002", "content": "Shall we?" }))]
#[expect(dead_code, reason = "describes the body; the fields are read one by one, so that one answer names every broken rule")]
pub struct SendMessage {
    /// Made by the sender: a repeat with the same one is the same message.
    id: Uuid,
    /// Where to.
    conversation_id: Uuid,
    /// At most 64 KiB of UTF-8, kept as typed.
    content: String,
}

/// Says something. It is stored, in its place, when this is answered; a repeat with the same id gets the first answer with 200.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages", operation_id = "send_message", request_body = SendMessage,
    security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    responses(
        (status = 202, description = "The message, on its way to the others", body = Accepted),
        (status = 200, description = "The same message was sent before", body = Accepted),
        (status = 409, description = "Another message has this id", content_type = "application/problem+json", body = service::problem::Body),
        (status = 413, description = "Over 64 KiB", content_type = "application/problem+json", body = service::problem::Body),
        service::openapi::Refusals
    )
)]
pub async fn send(State(room): State<Room>, caller: Caller, body: JsonBody) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let now = room.clock.now();
    let mut fields = body.fields;
    let id = fields.required("id", fields::uuid).unwrap_or_default();
    let conversation_id = fields.required("conversation_id", fields::uuid).unwrap_or_default();
    let content = fields.required("content", content).unwrap_or_default();
    fields.finish()?;
    message::fits(&content)?;
    let trace_id = format!("{:032x}", Context::current().trace.trace_id);
    let draft = Draft { id, conversation_id, sender_id: caller.user_id, content: &content, trace_id: &trace_id };
    // Its place and its time are the statement's to give.
    let said = Message {
        id,
        conversation_id,
        sender_id: caller.user_id,
        content: content.clone(),
        status: MessageStatus::Sent,
        sequence: 0,
        created_at: now,
    };
    let events = events(&caller, conversation_id, Deed::Said(said), now)?;
    let rows = match room.store.send(draft, &events).await {
        // The same message at the same time: what the other request wrote is the answer to both.
        Err(error) if error.constraint() == Some(MESSAGE_ONCE) => 0,
        other => other?,
    };
    let sent = room.store.sent(draft).await?;
    match sent.accepted {
        Some(accepted) if rows > 0 => {
            room.metrics.messages.inc();
            Ok((StatusCode::ACCEPTED, Json(accepted)))
        }
        Some(accepted) => Ok((StatusCode::OK, Json(accepted))),
        // Nothing of it is told: it may be somebody else's.
        None if sent.is_another => {
            Err(Problem::new(Code::Conflict, "Another message has this id; a new message needs a new one.")
                .naming("id", "is in use"))
        }
        None if sent.is_member => Err(Problem::new(Code::Unavailable, "It was not sent; try again.").retry_after(1)),
        None => Err(Problem::not_found()),
    }
}
