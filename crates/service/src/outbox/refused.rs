//! An event that the broker itself refuses becomes a dead letter, so that it does not hold up its key for ever.

use contracts::dead_letter::DeadLetter;
use serde_json::{Value, json};
use sidecar::Error;

use super::{Claimed, Relay};
use crate::dead_letter;
use crate::metrics::DeadLetterLabels;

impl Relay {
    /// Publishes the dead letter of a row, whole or, where that is refused as well, without the event's data, which the outbox keeps for
    /// 7 days. Gives whether the letter is out.
    pub(super) async fn bury(&self, topic: &str, row: &Claimed, error: &Error) -> bool {
        let buried = self.send_letter(topic, row, error, true).await || self.send_letter(topic, row, error, false).await;
        if buried {
            tracing::error!(topic, event_id = %row.id, event_type = row.event_type, %error, "the broker refuses the event; it was given up");
            let labels = DeadLetterLabels { topic: topic.to_owned(), reason: "refused" };
            self.metrics.dead_letters.get_or_create(&labels).inc();
        }
        buried
    }

    async fn send_letter(&self, topic: &str, row: &Claimed, error: &Error, whole: bool) -> bool {
        let data = if whole { serde_json::from_str(row.payload.get()).unwrap_or(Value::Null) } else { Value::Null };
        let bytes = row.payload.get().len();
        let letter = DeadLetter {
            event_id: row.id.to_string(),
            topic: topic.to_owned(),
            event_type: row.event_type.clone(),
            // No reader failed: a replay goes to all of them.
            app: None,
            reason: format!("the broker refused the event of {bytes} bytes that {} published: {error}", self.app),
            attempts: 1,
            failed_at: self.clock.now(),
            original: json!({
                "specversion": "1.0", "id": row.id, "type": row.event_type, "source": self.app, "topic": topic,
                "datacontenttype": "application/json", "traceparent": row.traceparent, "data": data,
            }),
        };
        dead_letter::publish(&self.sidecar, self.app, &letter, &row.key, row.traceparent.as_deref()).await.is_ok()
    }
}
