//! The row of an event: who did what, to which thing, and how it was before and after.

use chrono::{DateTime, Utc};
use contracts::{Event, Metadata, Topic};
use contracts::{message::MessageEvent, reminder::ReminderEvent, task::TaskEvent, user::UserEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// Fields of the base that every event extends: the row has them already.
const BASE: [&str; 5] = ["event_id", "event_type", "schema_version", "occurred_at", "metadata"];
/// Fields of a snapshot that move with every change. What they were before is known only when the event says it.
const MOVING: [&str; 2] = ["version", "updated_at"];

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    /// Of the row.
    pub id: Uuid,
    /// Of the event that it tells of.
    pub event_id: Uuid,
    /// Tenant of the person.
    pub tenant_id: Uuid,
    /// Who.
    pub user_id: Uuid,
    /// What they did, such as `task.created`.
    pub action: String,
    /// To which kind of thing: `task`, `reminder`, `user`, `conversation` or `dead_letter`.
    pub entity_type: String,
    /// To which thing.
    pub entity_id: Uuid,
    /// How it was, where the event says it.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// How it is since, where the event says it.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// Of the request that caused it.
    pub correlation_id: String,
    /// Version of the thing.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When the row was written.
    pub recorded_at: DateTime<Utc>,
}

/// What an event does to a thing; a topic's events say it each in their own words.
pub trait Told: Topic {
    /// The thing; nothing for a type that this version does not know.
    fn entity_id(&self) -> Option<Uuid>;
    /// The thing before and after, from the event's data as it came: fields that this version does not know are kept.
    fn change(&self, data: &Value) -> (Option<Value>, Option<Value>);
}

/// The row of `event`, whose data is `data`; nothing for a type that this version does not know.
pub fn row<B: Told>(event: &Event<B>, data: &Value, now: DateTime<Utc>) -> Option<AuditLog> {
    let entity_id = event.body.entity_id()?;
    let (before, after) = event.body.change(data);
    let Metadata { correlation_id, user_id, tenant_id, sequence, .. } = event.metadata.clone();
    Some(AuditLog {
        id: Uuid::now_v7(),
        event_id: event.event_id,
        tenant_id,
        user_id,
        action: event.body.event_type().to_owned(),
        entity_type: B::AGGREGATE.to_owned(),
        entity_id,
        before,
        after,
        correlation_id,
        sequence,
        occurred_at: event.occurred_at,
        recorded_at: now,
    })
}

impl Told for TaskEvent {
    fn entity_id(&self) -> Option<Uuid> {
        match self {
            Self::Created { task_id, .. }
            | Self::Updated { task_id, .. }
            | Self::Completed { task_id, .. }
            | Self::Deleted { task_id, .. } => Some(*task_id),
            // The new instance has a row of its own creation; this one belongs to the history of the completed one.
            Self::Recurred { completed_task_id, .. } => Some(*completed_task_id),
            Self::Unknown => None,
        }
    }

    fn change(&self, data: &Value) -> (Option<Value>, Option<Value>) {
        let snapshot = || data.get("task_snapshot").cloned();
        match self {
            Self::Created { .. } | Self::Completed { .. } => (None, snapshot()),
            Self::Updated { previous, .. } => (snapshot().map(|snapshot| lay_over(snapshot, previous)), snapshot()),
            Self::Deleted { .. } => (snapshot(), None),
            Self::Recurred { .. } => (None, own_fields(data)),
            Self::Unknown => (None, None),
        }
    }
}

impl Told for ReminderEvent {
    fn entity_id(&self) -> Option<Uuid> {
        match self {
            Self::Scheduled { reminder_id, .. }
            | Self::Due { reminder_id, .. }
            | Self::Cancelled { reminder_id, .. }
            | Self::Delivered { reminder_id, .. }
            | Self::Failed { reminder_id, .. } => Some(*reminder_id),
            Self::Unknown => None,
        }
    }

    fn change(&self, data: &Value) -> (Option<Value>, Option<Value>) {
        (None, own_fields(data))
    }
}

impl Told for UserEvent {
    fn entity_id(&self) -> Option<Uuid> {
        match self {
            Self::Changed { user } => Some(user.id),
            Self::Unknown => None,
        }
    }

    fn change(&self, data: &Value) -> (Option<Value>, Option<Value>) {
        (None, data.get("user").cloned())
    }
}

impl Told for MessageEvent {
    fn entity_id(&self) -> Option<Uuid> {
        match self {
            Self::ConversationCreated { conversation_id, .. }
            | Self::MemberAdded { conversation_id, .. }
            | Self::MemberRemoved { conversation_id, .. }
            | Self::Read { conversation_id, .. } => Some(*conversation_id),
            Self::Created { message } => Some(message.conversation_id),
            Self::Unknown => None,
        }
    }

    fn change(&self, data: &Value) -> (Option<Value>, Option<Value>) {
        let mut after = own_fields(data);
        // That something was said belongs here; what was said belongs to those who were told.
        if let Some(message) = after.as_mut().and_then(|fields| fields.get_mut("message")).and_then(Value::as_object_mut) {
            message.remove("content");
        }
        (None, after)
    }
}

/// The thing before the change: the snapshot with the values that were replaced.
fn lay_over(snapshot: Value, previous: &Map<String, Value>) -> Value {
    let Value::Object(mut before) = snapshot else { return snapshot };
    for name in MOVING {
        before.remove(name);
    }
    before.extend(previous.clone());
    Value::Object(before)
}

/// What the event adds to the base.
fn own_fields(data: &Value) -> Option<Value> {
    let mut fields = data.as_object()?.clone();
    fields.retain(|name, _| !BASE.contains(&name.as_str()));
    Some(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(title: &str, version: i64) -> Value {
        json!({
            "id": Uuid::from_u128(1), "user_id": Uuid::from_u128(2), "tenant_id": Uuid::from_u128(3), "title": title, "description": null,
            "status": "todo", "priority": "medium", "due_at": null, "reminder_offset_minutes": null, "tags": [], "recurrence_pattern": null,
            "series_id": null, "occurrence": null, "recurrence_ended": false, "completed_at": null, "version": version,
            "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z", "colour": "red",
        })
    }

    fn data(event_type: &str, own: Value) -> Value {
        let mut data = json!({
            "event_id": Uuid::from_u128(9), "schema_version": "1.3", "event_type": event_type, "occurred_at": "2026-03-01T10:00:00Z",
            "metadata": { "correlation_id": "order-1", "source": "tasks", "user_id": Uuid::from_u128(2), "tenant_id": Uuid::from_u128(3),
                          "key": Uuid::from_u128(1), "sequence": 2 },
        });
        data.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        data
    }

    fn row_of<B: Told + serde::de::DeserializeOwned>(data: &Value) -> Option<AuditLog> {
        let event: Event<B> = serde_json::from_value(data.clone()).unwrap();
        row(&event, data, event.occurred_at)
    }

    #[test]
    fn a_created_task_has_only_an_after_and_a_deleted_one_only_a_before() {
        let own = json!({ "task_id": Uuid::from_u128(1), "task_snapshot": task("Report", 1) });
        let created = row_of::<TaskEvent>(&data("task.created", own.clone())).unwrap();
        assert_eq!((created.before, created.after), (None, Some(task("Report", 1))));
        assert_eq!(
            (created.action.as_str(), created.entity_type.as_str(), created.entity_id),
            ("task.created", "task", Uuid::from_u128(1))
        );
        assert_eq!((created.correlation_id.as_str(), created.sequence), ("order-1", 2));
        let deleted = row_of::<TaskEvent>(&data("task.deleted", own)).unwrap();
        assert_eq!((deleted.before, deleted.after), (Some(task("Report", 1)), None));
    }

    #[test]
    fn an_updated_task_is_shown_as_it_was_and_keeps_unknown_fields() {
        let own = json!({ "task_id": Uuid::from_u128(1), "task_snapshot": task("New", 2), "changed_fields": ["title"], "previous": { "title": "Old" } });
        let updated = row_of::<TaskEvent>(&data("task.updated", own)).unwrap();
        let before = updated.before.unwrap();
        assert_eq!((&before["title"], &before["colour"]), (&json!("Old"), &json!("red")));
        assert_eq!(before.get("version"), None, "the version after the change must not be told as the one before");
        assert_eq!(updated.after.unwrap()["title"], "New");
    }

    #[test]
    fn an_event_without_snapshot_is_told_by_its_own_fields() {
        let own = json!({ "reminder_id": Uuid::from_u128(5), "task_id": Uuid::from_u128(1), "reason": "completed" });
        let cancelled = row_of::<ReminderEvent>(&data("reminder.cancelled", own.clone())).unwrap();
        assert_eq!((cancelled.entity_type.as_str(), cancelled.entity_id), ("reminder", Uuid::from_u128(5)));
        assert_eq!((cancelled.before, cancelled.after), (None, Some(own)));
    }

    #[test]
    fn the_log_knows_that_something_was_said_and_not_what() {
        let message = json!({
            "id": Uuid::from_u128(7), "conversation_id": Uuid::from_u128(6), "sender_id": Uuid::from_u128(2), "content": "between us",
            "status": "SENT", "sequence": 4, "created_at": "2026-03-01T10:00:00Z",
        });
        let said = row_of::<MessageEvent>(&data("message.created", json!({ "message": message }))).unwrap();
        assert_eq!((said.entity_type.as_str(), said.entity_id), ("conversation", Uuid::from_u128(6)));
        let after = said.after.unwrap();
        assert_eq!(after["message"]["sequence"], 4);
        assert!(!after.to_string().contains("between us"), "{after}");
    }

    #[test]
    fn a_type_of_a_later_version_has_no_row() {
        assert_eq!(row_of::<TaskEvent>(&data("task.archived", json!({}))), None);
    }
}
