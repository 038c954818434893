//! Pub/sub: one message or a batch, each with its own id, type, key and trace.

use std::collections::HashMap;

use bytes::Bytes;
use dapr::dapr::proto::runtime::v1 as proto;

use crate::client::Sidecar;
use crate::error::{Error, Result};
use crate::trace::Context;

/// One message to publish. daprd wraps it in a CloudEvents 1.0 envelope.
#[derive(Clone, Debug)]
pub struct Message {
    /// CloudEvents `id`; also what a failed entry of a batch is known by, so it must be unique in a batch.
    pub id: String,
    /// CloudEvents `type`.
    pub event_type: String,
    /// What shares an order: the partition key on Kafka.
    pub key: String,
    /// W3C `traceparent` of the request that caused it; without one it belongs to the work in hand.
    pub traceparent: Option<String>,
    /// CloudEvents `data`, JSON.
    pub data: Bytes,
}

/// An entry of a batch that the broker did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEntry {
    /// The message's id.
    pub id: String,
    /// What the broker said.
    pub error: String,
}

/// What Kafka's brokers (`MESSAGE_TOO_LARGE`) and daprd's client for them say of a message above `max.message.bytes` and `maxMessageBytes`.
const TOO_LARGE: [&str; 2] = ["Message was too large", "larger than configured Producer.MaxMessageBytes"];
const JSON: &str = "application/json";

impl Message {
    fn metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::from([
            ("cloudevent.id".to_owned(), self.id.clone()),
            ("cloudevent.type".to_owned(), self.event_type.clone()),
            ("partitionKey".to_owned(), self.key.clone()),
        ]);
        // daprd writes a trace of its own only when its tracing is on, and else zeros.
        let traceparent = self.traceparent.clone().or_else(|| Some(Context::try_current()?.trace.to_string()));
        if let Some(traceparent) = traceparent {
            metadata.insert("cloudevent.traceparent".to_owned(), traceparent);
        }
        metadata
    }
}

impl Sidecar {
    /// Publishes one message.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the broker never takes it; [`Error::NoAnswer`] when it did not take it now, and it may
    /// have taken it all the same.
    pub async fn publish(&self, pubsub: &str, topic: &str, message: &Message) -> Result<()> {
        let request = proto::PublishEventRequest {
            pubsub_name: pubsub.to_owned(),
            topic: topic.to_owned(),
            data: message.data.to_vec(),
            data_content_type: JSON.to_owned(),
            metadata: message.metadata(),
        };
        self.observed("publish", topic, self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            client.publish_event(request).await.map_err(|status| not_taken(topic, &status))?;
            Ok(())
        })
        .await
    }

    /// Publishes a batch in one call and gives the entries that the broker did not take.
    ///
    /// # Errors
    /// [`Error::NoAnswer`]; none of the batch is known to be taken then. One message that is too large makes the whole call fail on Kafka, and
    /// nothing tells which.
    pub async fn publish_bulk(&self, pubsub: &str, topic: &str, messages: &[Message]) -> Result<Vec<FailedEntry>> {
        let entries = messages.iter().map(|message| proto::BulkPublishRequestEntry {
            entry_id: message.id.clone(),
            event: message.data.to_vec(),
            content_type: JSON.to_owned(),
            metadata: message.metadata(),
        });
        let request = proto::BulkPublishRequest {
            pubsub_name: pubsub.to_owned(),
            topic: topic.to_owned(),
            entries: entries.collect(),
            metadata: HashMap::new(),
        };
        self.observed("publish", topic, self.inner.timeout, async {
            let (mut client, request) = self.grpc(request);
            let response = client.bulk_publish_event(request).await.map_err(|status| not_taken(topic, &status))?;
            let failed = response.into_inner().failed_entries.into_iter();
            Ok(failed.map(|entry| FailedEntry { id: entry.entry_id, error: entry.error }).collect())
        })
        .await
    }
}

/// daprd answers `Internal` when the broker is away, and when it is not but refuses the message.
fn not_taken(topic: &str, status: &tonic::Status) -> Error {
    let (call, detail) = (format!("publish {topic}"), status.message().to_owned());
    match status.code() {
        _ if TOO_LARGE.iter().any(|words| detail.contains(words)) => Error::TooLarge { call, detail },
        tonic::Code::Internal | tonic::Code::Unknown => Error::NoAnswer { call, detail },
        _ => Error::from_status(&call, status),
    }
}
