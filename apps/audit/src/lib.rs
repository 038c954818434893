//! Who did what and when, and the letters nobody could handle.
//!
//! Audit owns two tables. `audit_logs` has one row for each event of the suite, written once and removed only by retention.
//! `dead_letters` has each event that an app gave up, until an operator replays it to that app or discards it.
//!
//! In reading order:
//!
//! - [`record`]: the row of an event
//! - [`letter`]: a dead letter, read from whatever shape it came in, and who gets it again
//! - [`events`]: what arrives
//! - [`http`]: the log, the letters, and the job that removes old rows
//! - [`store`]: every statement
//! - [`config`], [`metrics`]: what it is told and what it counts

pub mod config;
pub mod events;
pub mod http;
pub mod letter;
pub mod metrics;
pub mod operator;
pub mod record;
pub mod store;

use std::sync::Arc;

use service::app::StartError;
use service::migrate::Migration;
use service::subscribe::Subscription;
use service::{App, Base, Parts};
use utoipa::OpenApi;

use crate::config::Settings;
use crate::metrics::Metrics;
use crate::store::Store;

/// The app's one name.
pub const ID: &str = "audit";

/// The audit app.
#[derive(Debug)]
pub struct Audit;

/// What its handlers share. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// What every app builds on.
    pub base: Base,
    /// Its tables.
    pub store: Store,
    /// What it counts.
    pub metrics: Metrics,
    /// What it was told.
    pub settings: Settings,
}

impl App for Audit {
    const ID: &'static str = ID;
    const MIGRATIONS: &'static [Migration] =
        &[Migration::new(1, "initial_schema", include_str!("../migrations/001_initial_schema.sql"))];
    const SUBSCRIPTIONS: &'static [Subscription] = &events::SUBSCRIPTIONS;
    type Settings = Settings;

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, settings: Settings) -> Result<Parts, StartError> {
        let metrics = Metrics::register(&base.metrics);
        let store = Store::new(base.database.clone(), metrics.clone());
        let stop = base.stop.clone();
        let state = State { base, store, metrics, settings };
        Ok(Parts {
            public: http::public(state.clone()),
            jobs: http::jobs(state.clone()),
            subscriber: Some(Arc::new(events::Reader::new(state.clone()))),
            background: vec![Box::pin(metrics::watch_open_letters(state.store, state.metrics, stop))],
            ..Parts::default()
        })
    }
}
