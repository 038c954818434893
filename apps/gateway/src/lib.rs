//! The one public door to the API. It owns no data: it decides who may pass, how often and where to, and hands the rest on.
//!
//! In reading order:
//!
//! - [`routes`]: the table of everything that can be reached from outside
//! - [`http`]: the routes as axum knows them, and one request from door to door
//! - [`who`], [`limit`], [`limiter`]: who is asking, and how often they may
//! - [`breaker`], [`circuits`]: an app that fails is left alone for a while
//! - [`headers`], [`body`], [`forward`]: what is handed on, and what comes back
//! - [`cors`], [`document`], [`docs`]: other origins, the merged OpenAPI document and its pages
//! - [`config`], [`metrics`]: settings and counts

pub mod body;
pub mod breaker;
pub mod circuits;
pub mod config;
pub mod cors;
pub mod docs;
pub mod document;
pub mod forward;
pub mod headers;
pub mod http;
pub mod limit;
pub mod limiter;
pub mod metrics;
pub mod routes;
pub mod who;

use std::sync::Arc;

use service::app::StartError;
use service::{App, Base, Parts};

use crate::circuits::Circuits;
use crate::config::Config;
use crate::limiter::Limiter;
use crate::metrics::Metrics;

/// The gateway.
#[derive(Debug)]
pub struct Gateway;

/// What every request needs.
pub struct State {
    /// What an app builds on.
    pub base: Base,
    /// Settings.
    pub config: Config,
    /// One circuit for each app behind.
    pub circuits: Circuits,
    /// Counts what each caller does.
    pub limiter: Limiter,
    /// Counts for looking in.
    pub metrics: Metrics,
}

impl App for Gateway {
    const ID: &'static str = "gateway";
    type Settings = Config;

    fn openapi() -> utoipa::openapi::OpenApi {
        serde_json::from_value(document::merged(document::DOCUMENTS)).unwrap_or_default()
    }

    async fn start(base: Base, config: Config) -> Result<Parts, StartError> {
        let metrics = Metrics::default();
        base.metrics.register(|registry| metrics.register(registry));
        let circuits = Circuits::new(routes::apps(), config.breaker_open, &metrics, &base.notes);
        let limiter = Limiter::new(base.sidecar.clone(), base.clock.clone(), metrics.clone());
        let state = Arc::new(State { base, config, circuits, limiter, metrics });
        Ok(Parts { public: http::router(state), ..Parts::default() })
    }
}
