//! Lets a completed recurring task come again.
//!
//! It owns no data: when the next instance is due is computed from the pattern that the event carries, and the instance itself is made by
//! tasks, under an id that follows from series and number, so that any number of deliveries makes one.
//!
//! In reading order: [`events`] is what arrives, [`tasks`] is what tasks is asked, [`metrics`] is what it counts.

use std::sync::Arc;

use contracts::topic::TASK_EVENTS;
use service::subscribe::Subscription;
use service::{App, Base, Parts};
use utoipa::OpenApi;

pub mod events;
pub mod metrics;
pub mod tasks;

/// The app.
pub struct Recurrence;

/// It has no public operations.
#[derive(OpenApi)]
#[openapi(info(title = "recurrence", description = "Lets a completed recurring task come again"))]
struct Document;

impl App for Recurrence {
    const ID: &'static str = "recurrence";
    const SUBSCRIPTIONS: &'static [Subscription] = &[Subscription::work(TASK_EVENTS)];
    type Settings = ();

    fn openapi() -> utoipa::openapi::OpenApi {
        Document::openapi()
    }

    async fn start(base: Base, (): ()) -> Result<Parts, service::app::StartError> {
        let events = events::Events { tasks: tasks::Tasks::new(base.internal), metrics: metrics::Metrics::new(&base.metrics) };
        Ok(Parts { subscriber: Some(Arc::new(events)), ..Parts::default() })
    }
}
