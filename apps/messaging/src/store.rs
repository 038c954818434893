//! Every statement of the app.

use chrono::{DateTime, Utc};
use contracts::Page;
use contracts::message::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use service::Database;
use service::event::Row;
use sidecar::{Result, Statement};
use uuid::Uuid;

use crate::conversation::Conversation;
use crate::message::Accepted;

/// Violated by the second message with one id.
pub const MESSAGE_ONCE: &str = "messages_pkey";
/// Violated by who is brought in twice at once.
pub const MEMBER_ONCE: &str = "conversation_members_pkey";

const KEEP_PERSON: Statement = Statement::new("people.keep", include_str!("store/keep_person.sql"));
const STRANGERS: Statement = Statement::new("people.strangers", include_str!("store/strangers.sql"));
const CREATE: Statement = Statement::new("conversations.create", include_str!("store/create.sql"));
const LIST: Statement = Statement::new("conversations.list", include_str!("store/list.sql"));
const READ: Statement = Statement::new("conversations.read", include_str!("store/read.sql"));
const ADD_MEMBER: Statement = Statement::new("members.add", include_str!("store/add_member.sql"));
const REMOVE_MEMBER: Statement = Statement::new("members.remove", include_str!("store/remove_member.sql"));
const SEND: Statement = Statement::new("messages.send", include_str!("store/send.sql"));
const SENT: Statement = Statement::new("messages.sent", include_str!("store/sent.sql"));
const PAGE: Statement = Statement::new("messages.page", include_str!("store/page.sql"));
const MARK_READ: Statement = Statement::new("messages.mark_read", include_str!("store/mark_read.sql"));

/// The app's schema. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Made by the sender.
    pub id: Uuid,
    /// Where to.
    pub conversation_id: Uuid,
    /// Who says it.
    pub sender_id: Uuid,
    /// What.
    pub content: &'a str,
    /// Of the request.
    pub trace_id: &'a str,
}

/// What is known after a message was sent, or was not.
#[derive(Clone, Debug, Deserialize)]
pub struct Sent {
    /// Whether the sender is in the conversation.
    pub is_member: bool,
    /// The message with this id, if there is one and it is the same: of this sender, to this place, in these words.
    pub accepted: Option<Accepted>,
    /// Whether there is another one with this id.
    pub is_another: bool,
}

/// Which messages of a conversation are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// At most so many.
    pub limit: i64,
    /// The newest before this one, if said.
    pub before: Option<i64>,
    /// The oldest after this one, if said.
    pub after: Option<i64>,
}

/// One page of messages.
#[derive(Clone, Debug, Deserialize)]
pub struct Messages {
    /// In their order.
    pub items: Vec<Message>,
    /// Sequence of the newest message of all.
    pub last_sequence: i64,
}

/// That somebody has read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Where.
    pub conversation_id: Uuid,
    /// Who.
    pub user_id: Uuid,
    /// Where they were before.
    pub from: i64,
    /// Up to where they have read.
    pub up_to: i64,
}

impl Store {
    /// On the app's own schema.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The schema itself, for stored answers.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Keeps a person as an event shows them; 0 for one that was handled before.
    ///
    /// # Errors
    /// As every statement.
    pub async fn keep_person(&self, event_id: Uuid, user: &contracts::user::User) -> Result<u64> {
        let document = json!({
            "event_id": event_id, "topic": contracts::topic::USER_EVENTS, "user_id": user.id, "tenant_id": user.tenant_id,
            "display_name": user.display_name, "version": user.version,
        });
        self.database.write(&KEEP_PERSON, &document).await
    }

    /// Those of the given people that the tenant does not have.
    ///
    /// # Errors
    /// As every statement.
    pub async fn strangers(&self, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.database.read(&STRANGERS, &json!({ "tenant_id": tenant_id, "ids": ids })).await
    }

    /// Writes a new conversation with its members, its events and the answer for a repeated key.
    ///
    /// # Errors
    /// Constraint `idempotency_keys_once` when the key is in use.
    pub async fn create(&self, conversation: &Conversation, tenant_id: Uuid, events: &[Row], answer: &Value) -> Result<u64> {
        let document = json!({ "tenant_id": tenant_id, "conversation": conversation, "events": events, "answer": answer });
        self.database.write(&CREATE, &document).await
    }

    /// One page of somebody's conversations, those first where something was last said.
    ///
    /// # Errors
    /// As every statement.
    pub async fn list(&self, user_id: Uuid, limit: i64, offset: i64) -> Result<Page<Conversation>> {
        self.database.read(&LIST, &json!({ "user_id": user_id, "limit": limit, "offset": offset })).await
    }

    /// A conversation as one of its members sees it; nothing for anybody else.
    ///
    /// # Errors
    /// As every statement.
    pub async fn read(&self, id: Uuid, user_id: Uuid) -> Result<Option<Conversation>> {
        self.database.read(&READ, &json!({ "id": id, "user_id": user_id })).await
    }

    /// Brings somebody in; 0 when `by` is not in it, or `member_id` is, or it is full.
    ///
    /// # Errors
    /// Constraint [`MEMBER_ONCE`] when another brings them in at the same time.
    pub async fn add_member(&self, id: Uuid, by: Uuid, member_id: Uuid, now: DateTime<Utc>, events: &[Row]) -> Result<u64> {
        let document = json!({
            "id": id, "by": by, "member_id": member_id, "now": now, "most": crate::conversation::MAX_MEMBERS, "events": events,
        });
        self.database.write(&ADD_MEMBER, &document).await
    }

    /// Takes somebody out; 0 when `by` or `member_id` is not in it.
    ///
    /// # Errors
    /// As every statement.
    pub async fn remove_member(&self, id: Uuid, by: Uuid, member_id: Uuid, events: &[Row]) -> Result<u64> {
        self.database.write(&REMOVE_MEMBER, &json!({ "id": id, "by": by, "member_id": member_id, "events": events })).await
    }

    /// Writes a message at the end of its conversation, with its events; 0, and nothing is written, when there is one with this id or the
    /// sender is not in it.
    ///
    /// # Errors
    /// Constraint [`MESSAGE_ONCE`] when one with this id comes at the same time.
    pub async fn send(&self, draft: Draft<'_>, events: &[Row]) -> Result<u64> {
        let Draft { id, conversation_id, sender_id, content, trace_id } = draft;
        let document = json!({
            "id": id, "conversation_id": conversation_id, "sender_id": sender_id, "content": content, "trace_id": trace_id, "events": events,
        });
        self.database.write(&SEND, &document).await
    }

    /// What there is of a message that was sent just now, or before.
    ///
    /// # Errors
    /// As every statement.
    pub async fn sent(&self, draft: Draft<'_>) -> Result<Sent> {
        let Draft { id, conversation_id, sender_id, content, .. } = draft;
        let document = json!({ "id": id, "conversation_id": conversation_id, "sender_id": sender_id, "content": content });
        self.database.read(&SENT, &document).await
    }

    /// One page of a conversation's messages; nothing for who is not in it.
    ///
    /// # Errors
    /// As every statement.
    pub async fn messages(&self, id: Uuid, user_id: Uuid, window: Window) -> Result<Option<Messages>> {
        let Window { limit, before, after } = window;
        let document = json!({ "id": id, "user_id": user_id, "limit": limit, "before": before, "after": after });
        self.database.read(&PAGE, &document).await
    }

    /// Notes that somebody has read; 0 when they have read elsewhere meanwhile, or are no longer in it.
    ///
    /// # Errors
    /// As every statement.
    pub async fn mark_read(&self, reading: Reading, events: &[Row]) -> Result<u64> {
        let Reading { conversation_id, user_id, from, up_to } = reading;
        let document = json!({ "id": conversation_id, "user_id": user_id, "from": from, "up_to": up_to, "events": events });
        self.database.write(&MARK_READ, &document).await
    }
}
