//! What arrives: changes for open pages, which every instance gets.

use contracts::topic;
use contracts::update::{Change, UpdateEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use service::subscribe::{Delivery, Effect, Failure, Subscriber, Subscription};
use sidecar::Context;

use crate::State;
use crate::frame::Frame;
use crate::hub::Push;
use crate::seen::News;

/// What realtime reads.
pub const SUBSCRIPTIONS: [Subscription; 1] = [Subscription::news(topic::TASK_UPDATES)];

/// Forwards to the sockets of this instance.
pub struct Forwarder {
    state: State,
}

impl Forwarder {
    /// Forwards to the sockets of `state`.
    pub fn new(state: State) -> Self {
        Self { state }
    }

    fn forward(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<UpdateEvent>()?;
        let context = Context::current();
        let Some(frame) = Frame::of(&event, Some(context.trace.to_string())) else { return Ok(Effect::Ignored) };
        let UpdateEvent::Update { change, task_id, version, .. } = &event.body else { return Ok(Effect::Ignored) };
        let text = serde_json::to_string(&frame).map_err(|error| Failure::Permanent(error.to_string()))?;
        let news = News {
            event_id: event.event_id,
            user_id: event.metadata.user_id,
            task_id: *task_id,
            version: (*change != Change::Notification).then_some(*version),
            occurred_at: event.occurred_at,
        };
        let push = Push { text: text.into(), context, occurred_at: event.occurred_at };
        let pages = self.state.hub.push(&news, &push);
        Ok(if pages > 0 { Effect::Done } else { Effect::Ignored })
    }
}

impl Subscriber for Forwarder {
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        async move { self.forward(delivery) }.boxed()
    }
}
