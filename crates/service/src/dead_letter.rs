//! The way of a dead letter to its topic, for an event that its reader gave up and for one that the broker refused.

use bytes::Bytes;
use contracts::dead_letter::DeadLetter;
use contracts::topic;
use sidecar::publish::Message;
use sidecar::{Error, Sidecar};

/// Publishes a letter of `app`, ordered by `key`, as part of the story that `traceparent` names.
///
/// # Errors
/// When it cannot be written as JSON, or the broker does not take it.
pub(crate) async fn publish(
    sidecar: &Sidecar,
    app: &str,
    letter: &DeadLetter,
    key: &str,
    traceparent: Option<&str>,
) -> sidecar::Result<()> {
    let topic = topic::dead_letters_of(&letter.topic);
    let data = serde_json::to_vec(letter)
        .map_err(|error| Error::Malformed { call: format!("publish {topic}"), detail: error.to_string() })?;
    let message = Message {
        id: format!("{app}:{}", letter.event_id),
        event_type: "dead-letter".into(),
        key: key.to_owned(),
        traceparent: traceparent.map(str::to_owned),
        data: Bytes::from(data),
    };
    sidecar.publish(topic::PUBSUB, &topic, &message).await
}
