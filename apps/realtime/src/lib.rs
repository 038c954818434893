//! The socket: each change of a person's data, and what happens in their conversations, to each of their open pages.
//!
//! Every instance gets every event of `task-updates` and `realtime-events`, and forwards it to the sockets that it holds itself. It owns
//! no data: a page that was away reads the lists anew, so a frame that cannot be sent in time is worth nothing.
//!
//! In reading order:
//!
//! - [`frame`]: what a page is told
//! - [`seen`]: what was pushed already, and what is too old to be pushed
//! - [`hub`]: the sockets of this instance
//! - [`socket`]: the life of one of them
//! - [`events`]: what arrives
//! - [`http`]: the upgrade
//! - [`config`], [`metrics`]: what it is told and what it counts

pub mod config;
pub mod events;
pub mod frame;
pub mod http;
pub mod hub;
pub mod metrics;
pub mod seen;
pub mod socket;

use std::sync::Arc;

use service::app::StartError;
use service::subscribe::Subscription;
use service::{App, Base, Parts};
use utoipa::OpenApi;

use crate::config::Settings;
use crate::hub::Hub;
use crate::metrics::Metrics;

/// The app's one name.
pub const ID: &str = "realtime";

/// The realtime app.
#[derive(Debug)]
pub struct Realtime;

/// What its handlers share. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// What every app builds on.
    pub base: Base,
    /// The sockets of this instance.
    pub hub: Hub,
    /// What it counts.
    pub metrics: Metrics,
    /// What it was told.
    pub settings: Settings,
}

impl App for Realtime {
    const ID: &'static str = ID;
    const SUBSCRIPTIONS: &'static [Subscription] = &events::SUBSCRIPTIONS;
    type Settings = Settings;

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, settings: Settings) -> Result<Parts, StartError> {
        let metrics = Metrics::register(&base.metrics);
        let hub = Hub::new(base.clock.now(), settings.queue);
        let state = State { base, hub, metrics, settings };
        Ok(Parts {
            public: http::public(state.clone()),
            subscriber: Some(Arc::new(events::Forwarder::new(state.clone()))),
            background: vec![Box::pin(farewell(state))],
            ..Parts::default()
        })
    }
}

/// Keeps the process until every page was told to go elsewhere.
async fn farewell(mut state: State) {
    // An error means that the process is ending as well.
    drop(state.base.stop.wait_for(|&stop| stop).await);
    state.hub.empty().await;
}
