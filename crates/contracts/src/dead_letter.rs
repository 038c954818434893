//! An event that nobody could handle, whole, with the reason.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is published on `<topic>-dlq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// The event's id; of an undecodable body the CloudEvent's.
    pub event_id: String,
    /// Topic it came from.
    pub topic: String,
    /// Its type, when that could be read.
    pub event_type: String,
    /// App that gave up; absent when the sidecar did (its dead letters carry no reason).
    pub app: Option<String>,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it last failed.
    pub failed_at: DateTime<Utc>,
    /// The CloudEvent as it was delivered.
    #[schema(value_type = Object)]
    pub original: serde_json::Value,
}
