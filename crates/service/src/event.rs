//! Makes the outbox rows of a change.

use chrono::{DateTime, Utc};
use contracts::event::SCHEMA_VERSION;
use contracts::{Event, Metadata, Topic};
use serde::Serialize;
use serde_json::Value;
use sidecar::Context;
use uuid::Uuid;

/// Where events come from: which app, and whose story.
#[derive(Clone, Debug)]
pub struct Origin {
    /// App id of the publisher.
    pub source: &'static str,
    /// Of the request that caused the change.
    pub correlation_id: String,
    /// The event whose handling caused it, if any.
    pub causation_id: Option<Uuid>,
    /// The span that caused it.
    pub traceparent: Option<String>,
}

impl Origin {
    /// The work in hand.
    pub fn current(source: &'static str) -> Self {
        let context = Context::try_current();
        Self {
            source,
            correlation_id: context
                .as_ref()
                .map(|context| context.correlation_id.to_string())
                .unwrap_or_else(|| Uuid::new_v4().simple().to_string()),
            causation_id: context.as_ref().and_then(|context| context.cause),
            traceparent: context.map(|context| context.trace.to_string()),
        }
    }
}

/// What the events are about and what orders them.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Whose data changed.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// The thing that changed; also the key that shares an order.
    pub aggregate_id: Uuid,
    /// Its version after the change.
    pub version: i64,
}

/// An outbox row, as `enqueue` reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The event's id.
    pub id: Uuid,
    /// Topic.
    pub topic: &'static str,
    /// What shares an order.
    pub key: String,
    /// Kind of thing that changed.
    pub aggregate_type: &'static str,
    /// The thing that changed.
    pub aggregate_id: Uuid,
    /// Its version after the change.
    pub aggregate_version: i64,
    /// Event type.
    pub event_type: &'static str,
    /// The event, as it goes on the wire.
    pub payload: Value,
    /// The span that caused it.
    pub traceparent: Option<String>,
}

/// The outbox row of one event.
///
/// # Errors
/// When the body cannot be written as JSON.
pub fn row<B: Topic + Serialize>(origin: &Origin, about: About, body: B, at: DateTime<Utc>) -> sidecar::Result<Row> {
    let event_type = body.event_type();
    let key = about.aggregate_id.to_string();
    let event = Event {
        event_id: Uuid::now_v7(),
        schema_version: SCHEMA_VERSION.to_owned(),
        occurred_at: at,
        metadata: Metadata {
            correlation_id: origin.correlation_id.clone(),
            causation_id: origin.causation_id,
            source: origin.source.to_owned(),
            user_id: about.user_id,
            tenant_id: about.tenant_id,
            key: key.clone(),
            sequence: about.version,
            traceparent: origin.traceparent.clone(),
        },
        body,
    };
    let payload = serde_json::to_value(&event)
        .map_err(|error| sidecar::Error::Malformed { call: format!("event {event_type}"), detail: error.to_string() })?;
    Ok(Row {
        id: event.event_id,
        topic: B::TOPIC,
        key,
        aggregate_type: B::AGGREGATE,
        aggregate_id: about.aggregate_id,
        aggregate_version: about.version,
        event_type,
        payload,
        traceparent: origin.traceparent.clone(),
    })
}
