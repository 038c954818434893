//! Events that arrive: decode, run the effect once, and answer daprd SUCCESS, RETRY or DROP.
//!
//! There are two kinds of failure. *Unavailable* (the app's own database, sidecar or callee does not answer) is retried without being
//! counted, so that no outage of any length makes a dead letter. *Failed* is counted; the third time the event goes to `<topic>-dlq`
//! with its reason, and others flow on. What makes an effect happen once is the row in `processed_events` that the effect's own statement
//! writes; the state store is a shortcut and keeps the count, best effort.

mod attempts;
mod deliver;

pub use attempts::Attempts;
pub use deliver::{Consumer, routes};

use contracts::{CloudEvent, Event, Metadata, topic};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sidecar::health::Metadata as SidecarMetadata;

/// The resiliency policies without which the Redis component acknowledges what was not handled.
pub const RESILIENCY: &str = "outrigger-resiliency";

/// What kind of reading a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// One instance of the app handles each event, once; a dead-letter topic stands behind.
    Work,
    /// Every instance gets every event; one that cannot be handled is old news.
    News,
    /// Dead letters: any shape, never given up.
    DeadLetters,
}

/// A topic an app reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its name.
    pub topic: &'static str,
    /// How it is read.
    pub reading: Reading,
}

impl Subscription {
    /// Work on `topic`.
    pub const fn work(topic: &'static str) -> Self {
        Self { topic, reading: Reading::Work }
    }

    /// News of `topic`.
    pub const fn news(topic: &'static str) -> Self {
        Self { topic, reading: Reading::News }
    }

    /// Dead letters on `topic`, its full name.
    pub const fn dead_letters(topic: &'static str) -> Self {
        Self { topic, reading: Reading::DeadLetters }
    }

    /// The component that carries it.
    pub fn component(&self) -> &'static str {
        topic::component(self.topic)
    }
}

/// What is wrong with the subscriptions in force: without retry and dead letter the broker's events could be lost.
pub fn faults(wanted: &[Subscription], metadata: &SidecarMetadata) -> Vec<String> {
    let mut faults = Vec::new();
    if !metadata.resiliencies.iter().any(|policy| policy.name == RESILIENCY) {
        faults.push(format!("no resiliency named {RESILIENCY}"));
    }
    for subscription in wanted {
        let in_force = metadata
            .subscriptions
            .iter()
            .find(|each| each.topic == subscription.topic && each.pubsubname == subscription.component());
        match in_force {
            None => faults.push(format!("{} is not subscribed", subscription.topic)),
            Some(found) if subscription.reading == Reading::Work && found.dead_letter_topic.is_empty() => {
                faults.push(format!("{} has no dead-letter topic", subscription.topic));
            }
            Some(_) => {}
        }
    }
    faults
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It took effect.
    Done,
    /// It had taken effect before.
    Duplicate,
    /// It is not for this app, or older than what it holds.
    Ignored,
}

/// Why an event had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something the handler needs does not answer; says nothing about the event.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It failed, and may not fail the next time.
    #[error("failed: {0}")]
    Failed(String),
    /// It will never work.
    #[error("cannot work: {0}")]
    Permanent(String),
}

impl From<sidecar::Error> for Failure {
    fn from(error: sidecar::Error) -> Self {
        if error.is_unavailable() { Self::Unavailable(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

/// An event as it reaches a handler.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The CloudEvent.
    pub cloud: CloudEvent,
    /// The topic it was delivered on.
    pub topic: String,
    /// The base's metadata; absent for dead letters of foreign shape.
    pub metadata: Option<Metadata>,
}

impl Delivery {
    /// The event with its own fields.
    ///
    /// # Errors
    /// [`Failure::Permanent`] when the data is not of that shape.
    pub fn event<B: DeserializeOwned>(&self) -> Result<Event<B>, Failure> {
        serde_json::from_value(self.cloud.data.clone()).map_err(|error| Failure::Permanent(format!("undecodable: {error}")))
    }

    /// The event's data as it came.
    pub fn data(&self) -> &Value {
        &self.cloud.data
    }
}

/// Handles the events of an app: one function for all its topics, which matches on the topic.
pub trait Subscriber: Send + Sync + 'static {
    /// Whether the event may have an effect here. One that cannot is not looked up first among those that had theirs.
    fn concerns(&self, _delivery: &Delivery) -> bool {
        true
    }

    /// Has the effect of one event.
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>>;
}

#[cfg(test)]
mod tests {
    use sidecar::health::{Named, Subscription as InForce};

    use super::*;

    fn in_force(dead_letter_topic: &str) -> SidecarMetadata {
        SidecarMetadata {
            subscriptions: vec![InForce {
                pubsubname: "pubsub".into(),
                topic: "task-events".into(),
                dead_letter_topic: dead_letter_topic.into(),
            }],
            resiliencies: vec![Named { name: RESILIENCY.into() }],
            ..SidecarMetadata::default()
        }
    }

    #[test]
    fn a_subscription_without_retry_or_dead_letter_is_a_fault() {
        let wanted = [Subscription::work("task-events")];
        assert!(faults(&wanted, &in_force("task-events-dlq")).is_empty());
        assert_eq!(faults(&wanted, &in_force("")), ["task-events has no dead-letter topic"]);
        assert_eq!(faults(&wanted, &SidecarMetadata::default()).len(), 2);
    }
}
