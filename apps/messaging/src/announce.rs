//! Makes the events of a change: one for the other apps, one for the open pages of the members.
//!
//! What only the statement knows (the conversation's version, who its members are at that moment, a message's place) is put in by `stamp`.

use chrono::{DateTime, Utc};
use contracts::message::{ConversationUpdate, Happening, Message, MessageEvent, RealtimeEvent};
use service::Caller;
use service::event::{About, Origin, Row, row};
use uuid::Uuid;

/// This app, as events name it.
const SOURCE: &str = "messaging";

/// What was done to a conversation.
#[derive(Clone, Debug)]
pub enum Deed {
    /// It was begun.
    Begun {
        /// What it is called, if anything.
        title: Option<String>,
        /// Who is in it, who began it included.
        member_ids: Vec<Uuid>,
    },
    /// Somebody came in.
    Added(Uuid),
    /// Somebody left, or was made to.
    Removed(Uuid),
    /// Something was said.
    Said(Message),
    /// The caller has read.
    Read {
        /// Up to this message.
        up_to_sequence: i64,
        /// How many that were unread.
        marked: i64,
    },
}

/// The events of a deed of `caller`.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn events(caller: &Caller, conversation_id: Uuid, deed: Deed, at: DateTime<Utc>) -> sidecar::Result<[Row; 2]> {
    let mut update = ConversationUpdate {
        recipients: Vec::new(),
        happening: Happening::Created,
        conversation_id,
        actor_id: caller.user_id,
        message: None,
        member_id: None,
        up_to_sequence: None,
    };
    let event = match deed {
        Deed::Begun { title, member_ids } => {
            update.recipients.clone_from(&member_ids);
            MessageEvent::ConversationCreated { conversation_id, title, member_ids }
        }
        Deed::Added(member_id) => {
            (update.happening, update.member_id) = (Happening::MemberAdded, Some(member_id));
            MessageEvent::MemberAdded { conversation_id, member_id }
        }
        Deed::Removed(member_id) => {
            (update.happening, update.member_id) = (Happening::MemberRemoved, Some(member_id));
            MessageEvent::MemberRemoved { conversation_id, member_id }
        }
        Deed::Said(message) => {
            (update.happening, update.message) = (Happening::Message, Some(message.clone()));
            MessageEvent::Created { message }
        }
        Deed::Read { up_to_sequence, marked } => {
            (update.happening, update.up_to_sequence) = (Happening::Read, Some(up_to_sequence));
            MessageEvent::Read { conversation_id, up_to_sequence, marked }
        }
    };
    // A new conversation is at version 1; that of all others is what the statement knows.
    let about = About { user_id: caller.user_id, tenant_id: caller.tenant_id, aggregate_id: conversation_id, version: 1 };
    let origin = Origin::current(SOURCE);
    Ok([row(&origin, about, event, at)?, row(&origin, about, RealtimeEvent::Update(update), at)?])
}
