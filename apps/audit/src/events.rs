//! What arrives: the events of every topic for the log, and the letters that other apps could not handle.

use contracts::topic;
use contracts::{message::MessageEvent, reminder::ReminderEvent, task::TaskEvent, user::UserEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use service::subscribe::{Delivery, Effect, Failure, Subscriber, Subscription};

use crate::State;
use crate::letter::Letter;
use crate::record::{self, Told};

/// What audit reads. The fan-out has no dead letters: news that cannot be shown is old news.
pub const SUBSCRIPTIONS: [Subscription; 8] = [
    Subscription::work(topic::TASK_EVENTS),
    Subscription::work(topic::REMINDERS),
    Subscription::work(topic::USER_EVENTS),
    Subscription::work(topic::MESSAGES),
    Subscription::dead_letters("task-events-dlq"),
    Subscription::dead_letters("reminders-dlq"),
    Subscription::dead_letters("user-events-dlq"),
    Subscription::dead_letters("messages-dlq"),
];

/// Writes down what arrives.
pub struct Reader {
    state: State,
}

impl Reader {
    /// Writes into the tables of `state`.
    pub fn new(state: State) -> Self {
        Self { state }
    }

    async fn record<B: Told + DeserializeOwned>(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<B>()?;
        let Some(row) = record::row(&event, delivery.data(), self.state.base.clock.now()) else { return Ok(Effect::Ignored) };
        let written = self.state.store.record(&delivery.topic, &row).await?;
        Ok(if written { Effect::Done } else { Effect::Duplicate })
    }

    async fn keep(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let letter = Letter::read(&delivery.topic, &delivery.cloud, self.state.base.clock.now());
        let kept = self.state.store.keep_letter(&letter).await?;
        Ok(if kept { Effect::Done } else { Effect::Duplicate })
    }
}

impl Subscriber for Reader {
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        async move {
            match delivery.topic.as_str() {
                topic::TASK_EVENTS => self.record::<TaskEvent>(delivery).await,
                topic::REMINDERS => self.record::<ReminderEvent>(delivery).await,
                topic::USER_EVENTS => self.record::<UserEvent>(delivery).await,
                topic::MESSAGES => self.record::<MessageEvent>(delivery).await,
                _ => self.keep(delivery).await,
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use service::subscribe::Reading;

    use super::*;

    #[test]
    fn the_letters_of_every_topic_of_work_are_read() {
        let work = SUBSCRIPTIONS.iter().filter(|each| each.reading == Reading::Work);
        for subscription in work {
            let letters = topic::dead_letters_of(subscription.topic);
            assert!(SUBSCRIPTIONS.iter().any(|each| each.topic == letters && each.reading == Reading::DeadLetters), "{letters}");
        }
    }
}
