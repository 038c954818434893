//! The base that every event extends, and the CloudEvents 1.0 envelope daprd puts around it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the event schemas. Consumers accept any minor version and unknown fields; another major version is a dead letter.
pub const SCHEMA_VERSION: &str = "1.0";

/// The events of one topic: an enum tagged by `event_type`.
pub trait Topic {
    /// The topic's name.
    const TOPIC: &'static str;
    /// The kind of thing the events are about.
    const AGGREGATE: &'static str;
    /// The wire name of this event, such as `task.created`.
    fn event_type(&self) -> &'static str;
}

/// CloudEvent `data`: the base, flattened with the fields of one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event<B> {
    /// Unique; equals the CloudEvent `id` and the outbox row's id.
    pub event_id: Uuid,
    /// `major.minor`, see [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// When the change was made.
    pub occurred_at: DateTime<Utc>,
    /// Where it comes from and what orders it.
    pub metadata: Metadata,
    /// `event_type` and its own fields.
    #[serde(flatten)]
    pub body: B,
}

/// Where an event comes from and what orders it. Kept inside the data because a dead letter loses key and trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Of the request that caused it.
    pub correlation_id: String,
    /// The event whose handling caused it, if any.
    #[serde(default)]
    pub causation_id: Option<Uuid>,
    /// App id of the publisher.
    pub source: String,
    /// Whose data changed.
    pub user_id: Uuid,
    /// The tenant they belong to.
    pub tenant_id: Uuid,
    /// What shares an order: the partition key.
    pub key: String,
    /// Position in that order: the version of the aggregate. Consumers drop what is older than they hold.
    pub sequence: i64,
    /// W3C trace context of the request that caused it.
    #[serde(default)]
    pub traceparent: Option<String>,
}

/// A CloudEvent as daprd delivers it (structured mode, JSON).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Unique per source.
    pub id: String,
    /// Event type.
    #[serde(rename = "type", default)]
    pub event_type: String,
    /// App id of the publisher.
    #[serde(default)]
    pub source: String,
    /// Topic it came from.
    #[serde(default)]
    pub topic: String,
    /// Component it came from.
    #[serde(default)]
    pub pubsubname: String,
    /// W3C trace context of the publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Always `1.0`.
    #[serde(default)]
    pub specversion: String,
    /// The event itself.
    #[serde(default)]
    pub data: serde_json::Value,
}
