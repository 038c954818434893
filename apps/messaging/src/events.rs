//! What arrives: who may be spoken to, from identity.

use contracts::user::UserEvent;
use futures::future::BoxFuture;
use service::subscribe::{Delivery, Effect, Failure, Subscriber};

use crate::store::Store;

/// Handles the events of the app's topics.
pub struct Events {
    /// Every statement.
    pub store: Store,
}

impl Subscriber for Events {
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        Box::pin(async move {
            let event = delivery.event::<UserEvent>()?;
            match event.body {
                UserEvent::Changed { user } => match self.store.keep_person(event.event_id, &user).await? {
                    0 => Ok(Effect::Duplicate),
                    _ => Ok(Effect::Done),
                },
                UserEvent::Unknown => Ok(Effect::Ignored),
            }
        })
    }
}
