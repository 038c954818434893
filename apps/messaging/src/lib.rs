//! Conversations of a team: what was said, in which order, and who has read it.
//!
//! In reading order: [`conversation`] and [`message`] are the rules, [`announce`] makes the events, [`http`] is the route table,
//! [`events`] is what arrives, [`store`] is every statement.

use std::sync::Arc;

use contracts::topic::USER_EVENTS;
use service::migrate::Migration;
use service::subscribe::Subscription;
use service::{App, Base, Clock, Parts};
use utoipa::OpenApi;

pub mod announce;
pub mod conversation;
pub mod events;
pub mod http;
pub mod message;
pub mod metrics;
pub mod store;

/// The app.
pub struct Messaging;

/// What every handler has.
#[derive(Clone)]
pub struct Room {
    /// Every statement.
    pub store: store::Store,
    /// Counts.
    pub metrics: metrics::Metrics,
    /// Time.
    pub clock: Clock,
}

impl App for Messaging {
    const ID: &'static str = "messaging";
    const MIGRATIONS: &'static [Migration] =
        &[Migration::new(1, "initial_schema", include_str!("../migrations/001_initial_schema.sql"))];
    // Who may be spoken to.
    const SUBSCRIPTIONS: &'static [Subscription] = &[Subscription::work(USER_EVENTS)];
    type Settings = ();

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, (): ()) -> Result<Parts, service::app::StartError> {
        let store = store::Store::new(base.database.clone());
        let room = Room { store: store.clone(), metrics: metrics::Metrics::new(&base.metrics), clock: base.clock.clone() };
        Ok(Parts { public: http::public(room), subscriber: Some(Arc::new(events::Events { store })), ..Parts::default() })
    }
}
