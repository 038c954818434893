//! How a person is told: in the page, by mail, by SMS, each once.
//!
//! In reading order: [`channel`], [`text`] and [`attempt`] are the rules, [`announce`] makes the events, [`events`] is what arrives,
//! [`lane`] sends, [`http`] is the route table, [`store`] is every statement.

use std::sync::Arc;

use contracts::topic::{REMINDERS, USER_EVENTS};
use futures::future::BoxFuture;
use service::migrate::Migration;
use service::subscribe::Subscription;
use service::{App, Base, Parts};
use tokio::sync::Notify;
use utoipa::OpenApi;

pub mod announce;
pub mod attempt;
pub mod channel;
pub mod events;
pub mod http;
pub mod lane;
pub mod metrics;
pub mod store;
pub mod text;

/// The app.
pub struct Notifications;

impl App for Notifications {
    const ID: &'static str = "notifications";
    const MIGRATIONS: &'static [Migration] =
        &[Migration::new(1, "initial_schema", include_str!("../migrations/001_initial_schema.sql"))];
    const SUBSCRIPTIONS: &'static [Subscription] = &[Subscription::work(REMINDERS), Subscription::work(USER_EVENTS)];
    type Settings = ();

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, (): ()) -> Result<Parts, service::app::StartError> {
        let Base { settings, sidecar, database, metrics, clock, stop, .. } = base;
        let (store, metrics, waiting) = (store::Store::new(database), metrics::Metrics::new(&metrics), Arc::new(Notify::new()));
        let public_url: Arc<str> = settings.public_url.as_str().into();
        let lane = |channel| -> BoxFuture<'static, ()> {
            let (store, sidecar, public_url) = (store.clone(), sidecar.clone(), public_url.clone());
            let (metrics, clock, waiting) = (metrics.clone(), clock.clone(), waiting.clone());
            Box::pin(lane::Lane { channel, store, sidecar, public_url, metrics, clock, waiting }.run(stop.clone()))
        };
        let background = vec![lane(channel::Channel::Email), lane(channel::Channel::Sms)];
        Ok(Parts {
            public: http::public(http::Room { store: store.clone(), clock: clock.clone() }),
            subscriber: Some(Arc::new(events::Events { store, metrics, clock, waiting })),
            background,
            ..Parts::default()
        })
    }
}
