//! `POST /v1/conversations/{id}/members`: brings somebody in.

use axum::extract::State;
use axum::http::StatusCode;
use service::fields;
use service::request::{Id, JsonBody};
use service::{Caller, Code, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Room;
use crate::announce::{Deed, events};
use crate::conversation::{MAX_MEMBERS, not_of_the_team};
use crate::store::MEMBER_ONCE;

/// Who is to come in.
#[derive(ToSchema)]
#[schema(example = json!({ "user_id": "018f2f6e-0000-7000-8000-000000000001" }))]
#[expect(dead_code, reason = "describes the body; the field is read by name, so that the answer can name it")]
pub struct AddMember {
    /// Somebody of the caller's team.
    user_id: Uuid,
}

/// Brings somebody in, by anybody who is there. They see what was said before, as read.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/members", tag = "conversations", operation_id = "add_member", request_body = AddMember,
    security(("bearer" = [])), extensions(("x-door" = json!("public"))),
    params(("id" = Uuid, Path, description = "The conversation")),
    responses(
        (status = 204, description = "They are in it"),
        (status = 409, description = "They were in it already, or it is full", content_type = "application/problem+json", body = service::problem::Body),
        service::openapi::Refusals
    )
)]
pub async fn add_member(State(room): State<Room>, caller: Caller, Id(id): Id, body: JsonBody) -> Result<StatusCode, Problem> {
    let now = room.clock.now();
    let mut fields = body.fields;
    let member_id = fields.required("user_id", fields::uuid);
    fields.finish()?;
    let member_id = member_id.unwrap_or_default();
    if room.store.read(id, caller.user_id).await?.is_none() {
        return Err(Problem::not_found());
    }
    if !room.store.strangers(caller.tenant_id, &[member_id]).await?.is_empty() {
        return Err(Problem::field("user_id", not_of_the_team(&[member_id])));
    }
    let events = events(&caller, id, Deed::Added(member_id), now)?;
    match room.store.add_member(id, caller.user_id, member_id, now, &events).await {
        Ok(0) => Err(why_not(room.store.read(id, caller.user_id).await?, member_id)),
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(error) if error.constraint() == Some(MEMBER_ONCE) => Err(there_already()),
        Err(error) => Err(error.into()),
    }
}

fn there_already() -> Problem {
    Problem::new(Code::Conflict, "They are in this conversation already.").naming("user_id", "is a member already")
}

/// Why nobody was brought in.
fn why_not(conversation: Option<crate::conversation::Conversation>, member_id: Uuid) -> Problem {
    match conversation {
        None => Problem::not_found(),
        Some(conversation) if conversation.members.iter().any(|member| member.user_id == member_id) => there_already(),
        Some(_) => {
            Problem::new(Code::Conflict, format!("A conversation has room for {MAX_MEMBERS} people, and this one is full."))
        }
    }
}
