//! What arrives: changes for open pages, which every instance gets.

use contracts::message::RealtimeEvent;
use contracts::topic;
use contracts::update::{Change, UpdateEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use service::subscribe::{Delivery, Effect, Failure, Subscriber, Subscription};
use sidecar::Context;
use uuid::Uuid;

use crate::State;
use crate::frame::Frame;
use crate::hub::Push;
use crate::seen::News;

/// What realtime reads.
pub const SUBSCRIPTIONS: [Subscription; 2] =
    [Subscription::news(topic::TASK_UPDATES), Subscription::news(topic::REALTIME_EVENTS)];

/// Forwards to the sockets of this instance.
pub struct Forwarder {
    state: State,
}

impl Forwarder {
    /// Forwards to the sockets of `state`.
    pub fn new(state: State) -> Self {
        Self { state }
    }

    /// Something of a person has changed.
    fn update(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<UpdateEvent>()?;
        let context = Context::current();
        let Some(frame) = Frame::of(&event, Some(context.trace.to_string())) else { return Ok(Effect::Ignored) };
        let UpdateEvent::Update { change, task_id, version, .. } = &event.body else { return Ok(Effect::Ignored) };
        let news = News {
            event_id: event.event_id,
            user_id: event.metadata.user_id,
            task_id: *task_id,
            version: (*change != Change::Notification).then_some(*version),
            occurred_at: event.occurred_at,
        };
        self.push(&[news.user_id], &news, &frame, context)
    }

    /// Something happened in a conversation. Each of it is told, in whichever order it comes: a page sorts by sequence.
    fn happening(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<RealtimeEvent>()?;
        let context = Context::current();
        let Some(frame) = Frame::of_conversation(&event, Some(context.trace.to_string())) else { return Ok(Effect::Ignored) };
        let RealtimeEvent::Update(update) = &event.body else { return Ok(Effect::Ignored) };
        let news = News {
            event_id: event.event_id,
            user_id: event.metadata.user_id,
            task_id: update.conversation_id,
            version: None,
            occurred_at: event.occurred_at,
        };
        self.push(&update.recipients, &news, &frame, context)
    }

    fn push(&self, people: &[Uuid], news: &News, frame: &Frame<'_>, context: Context) -> Result<Effect, Failure> {
        let text = serde_json::to_string(frame).map_err(|error| Failure::Permanent(error.to_string()))?;
        let push = Push { text: text.into(), context, occurred_at: news.occurred_at };
        let pages = self.state.hub.push(people, news, &push);
        Ok(if pages > 0 { Effect::Done } else { Effect::Ignored })
    }
}

impl Subscriber for Forwarder {
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        async move {
            match delivery.topic.as_str() {
                topic::REALTIME_EVENTS => self.happening(delivery),
                _ => self.update(delivery),
            }
        }
        .boxed()
    }
}
