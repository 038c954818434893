//! What a page is told: JSON text frames, told apart by `type`.

use chrono::{DateTime, Utc};
use contracts::Event;
use contracts::message::{Happening, Message, RealtimeEvent};
use contracts::task::Task;
use contracts::update::{Change, Notification, UpdateEvent};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One frame.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type")]
#[schema(as = SocketFrame)]
pub enum Frame<'a> {
    /// The first one: the page is connected and from now on gets every change. What changed before, it reads from the lists.
    #[serde(rename = "hello")]
    Hello {
        /// Which instance holds the socket.
        instance: Uuid,
        /// When the token ends, and the socket with it (4401).
        expires_at: DateTime<Utc>,
    },
    /// Something of theirs has changed.
    #[serde(rename = "task.update")]
    Update {
        /// Of the event.
        event_id: Uuid,
        /// What happened.
        change: Change,
        /// To which task.
        task_id: Uuid,
        /// Version of the task; 0 for a notification.
        version: i64,
        /// The task after the change; absent for deleted and for notifications.
        task: Option<&'a Task>,
        /// With `notification`: what to show.
        notification: Option<&'a Notification>,
        /// When the change was made.
        occurred_at: DateTime<Utc>,
        /// Where in the trace the frame stands.
        traceparent: Option<String>,
    },
    /// Something happened in a conversation of theirs.
    #[serde(rename = "conversation.update")]
    Conversation {
        /// Of the event.
        event_id: Uuid,
        /// What happened.
        happening: Happening,
        /// Where.
        conversation_id: Uuid,
        /// Its place in the order of what happens in the conversation.
        version: i64,
        /// Who did it.
        actor_id: Uuid,
        /// With `message`: what was said.
        message: Option<&'a Message>,
        /// With `member_added` and `member_removed`: who.
        member_id: Option<Uuid>,
        /// With `read`: up to this message, and all before it.
        up_to_sequence: Option<i64>,
        /// When it happened.
        occurred_at: DateTime<Utc>,
        /// Where in the trace the frame stands.
        traceparent: Option<String>,
    },
}

impl<'a> Frame<'a> {
    /// The frame of an event; none for a type that this version does not know.
    pub fn of(event: &'a Event<UpdateEvent>, traceparent: Option<String>) -> Option<Self> {
        let UpdateEvent::Update { change, task_id, version, task, notification } = &event.body else { return None };
        Some(Self::Update {
            event_id: event.event_id,
            change: *change,
            task_id: *task_id,
            version: *version,
            task: task.as_deref(),
            notification: notification.as_ref(),
            occurred_at: event.occurred_at,
            traceparent,
        })
    }

    /// The same of an event of a conversation. Who else is told is nobody's business here.
    pub fn of_conversation(event: &'a Event<RealtimeEvent>, traceparent: Option<String>) -> Option<Self> {
        let RealtimeEvent::Update(update) = &event.body else { return None };
        Some(Self::Conversation {
            event_id: event.event_id,
            happening: update.happening,
            conversation_id: update.conversation_id,
            version: event.metadata.sequence,
            actor_id: update.actor_id,
            message: update.message.as_ref(),
            member_id: update.member_id,
            up_to_sequence: update.up_to_sequence,
            occurred_at: event.occurred_at,
            traceparent,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frame_says_what_the_event_says() {
        let data = json!({
            "event_id": Uuid::from_u128(1), "schema_version": "1.0", "event_type": "task.update", "occurred_at": "2026-03-01T10:00:00Z",
            "metadata": { "correlation_id": "c", "source": "tasks", "user_id": Uuid::from_u128(2), "tenant_id": Uuid::from_u128(3), "key": "k", "sequence": 4 },
            "change": "deleted", "task_id": Uuid::from_u128(5), "version": 4,
        });
        let event: Event<UpdateEvent> = serde_json::from_value(data).unwrap();
        let frame = serde_json::to_value(Frame::of(&event, Some("00-x".into())).unwrap()).unwrap();
        let expected = json!({
            "type": "task.update", "event_id": Uuid::from_u128(1), "change": "deleted", "task_id": Uuid::from_u128(5), "version": 4,
            "task": null, "notification": null, "occurred_at": "2026-03-01T10:00:00Z", "traceparent": "00-x",
        });
        assert_eq!(frame, expected, "and nothing about the person or the tenant");
    }
}
