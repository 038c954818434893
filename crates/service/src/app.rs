//! What an app says of itself and what it builds on; [`main`] starts it.

use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;
use sidecar::Sidecar;
use tokio::sync::watch;
use utoipa::openapi::OpenApi;

use crate::caller::Keys;
use crate::clock::Clock;
use crate::config::{FromEnvironment, Settings};
use crate::database::Database;
use crate::health;
use crate::internal::Internal;
use crate::metrics::Metrics;
use crate::migrate::{self, Migration};
use crate::subscribe::{Subscriber, Subscription};
use crate::telemetry::Spans;

mod command;
mod life;
mod routes;

pub use command::main;

/// The secret store component, the same name in every set.
pub const SECRET_STORE: &str = "secretstore";
/// The state store component, the same name in every set.
pub const STATE_STORE: &str = "statestore";

/// One app of the suite.
pub trait App: Sized + Send + 'static {
    /// Its one name: folder, crate, app-id, image, service.
    const ID: &'static str;
    /// Its schema, oldest first, without the platform's own; none for an app without data.
    const MIGRATIONS: &'static [Migration] = &[];
    /// What it reads.
    const SUBSCRIPTIONS: &'static [Subscription] = &[];
    /// Its own settings; `()` when it has none.
    type Settings: FromEnvironment + Send;

    /// Its public operations.
    fn openapi() -> OpenApi;

    /// Makes its state and its routes; sidecar and schema are there.
    fn start(base: Base, settings: Self::Settings) -> impl Future<Output = Result<Parts, StartError>> + Send;
}

/// Why an app cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The sidecar or something behind it.
    #[error(transparent)]
    Sidecar(#[from] sidecar::Error),
    /// The schema.
    #[error(transparent)]
    Schema(#[from] migrate::Error),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// What an app builds on. Cheap to clone.
#[derive(Clone)]
pub struct Base {
    /// Settings of every process.
    pub settings: Arc<Settings>,
    /// The sidecar.
    pub sidecar: Sidecar,
    /// The app's schema; unused by an app without data.
    pub database: Database,
    /// Identity's keys.
    pub keys: Keys,
    /// Calls to other apps' internal routes.
    pub internal: Internal,
    /// Counts.
    pub metrics: Metrics,
    /// Spans.
    pub spans: Spans,
    /// What the app adds to `/health`.
    pub notes: health::Notes,
    /// Time.
    pub clock: Clock,
    /// Turns true when the process is to end.
    pub stop: watch::Receiver<bool>,
}

/// What an app adds.
#[derive(Default)]
pub struct Parts {
    /// Routes of the public door: every handler takes a `Caller`, unless the operation is open.
    pub public: Router,
    /// Routes of the sidecar's door, below `/jobs`: cron.
    pub jobs: Router,
    /// Routes of the sidecar's door, below `/job`: what Dapr's scheduler calls, by the name of the job.
    pub job: Router,
    /// Routes of the apps' door, below `/internal`.
    pub internal: Router,
    /// What handles its events.
    pub subscriber: Option<Arc<dyn Subscriber>>,
    /// Loops that run until the process ends; they watch [`Base::stop`], and what they do then is waited for, briefly.
    pub background: Vec<BoxFuture<'static, ()>>,
}
