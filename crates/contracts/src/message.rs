//! Conversations and their messages: the events of `messages`, and what open pages are told of them (`realtime-events`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::Topic;
use crate::topic;

/// How far a message has come; it only moves forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageStatus {
    /// Stored, and on its way to the others.
    #[default]
    Sent,
    /// Every other member has read it.
    Read,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Made by who sent it, so that a repeat is known as one.
    pub id: Uuid,
    /// Where it was said.
    pub conversation_id: Uuid,
    /// Who said it.
    pub sender_id: Uuid,
    /// As typed: escape it where it is shown.
    pub content: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// Its place in the conversation, from 1 without a gap: the order in which messages were accepted.
    pub sequence: i64,
    /// When it was accepted; ascends with `sequence`, and no two of a conversation are the same.
    pub created_at: DateTime<Utc>,
}

/// The events of `messages`; their order is that of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
pub enum MessageEvent {
    /// A conversation was begun.
    #[serde(rename = "conversation.created")]
    ConversationCreated {
        /// Which.
        conversation_id: Uuid,
        /// What it is called, if anything.
        title: Option<String>,
        /// Who is in it, who began it included.
        member_ids: Vec<Uuid>,
    },
    /// Somebody came in.
    #[serde(rename = "conversation.member_added")]
    MemberAdded {
        /// Where.
        conversation_id: Uuid,
        /// Who.
        member_id: Uuid,
    },
    /// Somebody left, or was made to.
    #[serde(rename = "conversation.member_removed")]
    MemberRemoved {
        /// Where.
        conversation_id: Uuid,
        /// Who.
        member_id: Uuid,
    },
    /// Somebody has read.
    #[serde(rename = "conversation.read")]
    Read {
        /// Where.
        conversation_id: Uuid,
        /// Up to this message, and all before it.
        up_to_sequence: i64,
        /// How many of the others' messages that were unread.
        marked: i64,
    },
    /// Something was said.
    #[serde(rename = "message.created")]
    Created {
        /// What.
        message: Message,
    },
    /// A type this version does not know; acknowledged without effect.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Topic for MessageEvent {
    const TOPIC: &'static str = topic::MESSAGES;
    const AGGREGATE: &'static str = "conversation";

    fn event_type(&self) -> &'static str {
        match self {
            Self::ConversationCreated { .. } => "conversation.created",
            Self::MemberAdded { .. } => "conversation.member_added",
            Self::MemberRemoved { .. } => "conversation.member_removed",
            Self::Read { .. } => "conversation.read",
            Self::Created { .. } => "message.created",
            Self::Unknown => "unknown",
        }
    }
}

/// What happened in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// It was begun.
    Created,
    /// Somebody came in.
    MemberAdded,
    /// Somebody left; they are told as well.
    MemberRemoved,
    /// Something was said.
    Message,
    /// Somebody has read.
    Read,
}

/// Something that happened in a conversation, as its members are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationUpdate {
    /// Who may see it: the members at that moment, and who was removed. Nobody else is told.
    pub recipients: Vec<Uuid>,
    /// What happened.
    pub happening: Happening,
    /// Where.
    pub conversation_id: Uuid,
    /// Who did it.
    pub actor_id: Uuid,
    /// With `message`: what was said.
    #[serde(default)]
    pub message: Option<Message>,
    /// With `member_added` and `member_removed`: who.
    #[serde(default)]
    pub member_id: Option<Uuid>,
    /// With `read`: up to this message, and all before it.
    #[serde(default)]
    pub up_to_sequence: Option<i64>,
}

/// The events of `realtime-events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
pub enum RealtimeEvent {
    /// Something happened in a conversation.
    #[serde(rename = "conversation.update")]
    Update(ConversationUpdate),
    /// A type this version does not know; acknowledged without effect.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Topic for RealtimeEvent {
    const TOPIC: &'static str = topic::REALTIME_EVENTS;
    const AGGREGATE: &'static str = "conversation";

    fn event_type(&self) -> &'static str {
        match self {
            Self::Update(_) => "conversation.update",
            Self::Unknown => "unknown",
        }
    }
}
