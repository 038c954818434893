//! The life of an app.
//!
//! The listener is bound first, because daprd waits for it; until the app has its sidecar, its schema and its state, everything but
//! health and the list of subscriptions answers 503.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use sidecar::{Call, Config, Observer, Sidecar};
use tokio::task::JoinSet;

use super::{App, Base, STATE_STORE, StartError, routes};
use crate::caller::Keys;
use crate::clock::Clock;
use crate::config::Settings;
use crate::database::Database;
use crate::health::{self, Health};
use crate::internal::Internal;
use crate::metrics::{CallLabels, Metrics};
use crate::outbox::{Broker, Relay};
use crate::subscribe::Reading;
use crate::telemetry::{Kind, Span, Spans};
use crate::{migrate, serve};

/// How long a starting app waits for its sidecar.
pub const SIDECAR_PATIENCE: Duration = Duration::from_secs(30);
/// How often identity is asked for its keys until it has given some.
const KEYS_EVERY: Duration = Duration::from_millis(500);
/// How many looks in a row that fail are worth a warning.
const KEYS_PATIENCE: u32 = 20;

/// Runs the app until it is told to end.
pub async fn run<A: App>(settings: Settings, own: A::Settings, clock: Clock) -> Result<(), StartError> {
    let stop = serve::stop_signal().map_err(|error| StartError::Other(error.to_string()))?;
    let address = (settings.host, settings.port);
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|error| StartError::Other(format!("APP_PORT {}: {error}", settings.port)))?;
    let metrics = Metrics::new(A::ID);
    let spans = Spans::to(settings.zipkin_url.as_deref(), A::ID);
    let sidecar = connect(&settings, Watch { metrics: metrics.clone(), spans: spans.clone() })?;
    let keys = Keys::new(sidecar.clone());
    let base = Base {
        database: Database::of(&sidecar, A::ID),
        internal: Internal::new(sidecar.clone(), A::ID),
        settings: Arc::new(settings),
        sidecar,
        keys,
        metrics,
        spans,
        notes: health::Notes::default(),
        clock,
        stop,
    };
    let health = health_of::<A>(&base);
    let (broker, started) = (health.broker.clone(), health.started.clone());
    let gate = Arc::new(OnceLock::new());
    let outer = routes::outer::<A>(&base, health, gate.clone());
    tracing::info!(port = listener.local_addr().map(|address| address.port()).unwrap_or_default(), "listening");

    let serving = tokio::spawn(serve::serve(listener, outer, base.stop.clone(), base.settings.drain));
    let starting = start::<A>(base.clone(), own, broker, gate);
    let mut stop = base.stop.clone();
    let background = tokio::select! {
        result = starting => result?,
        _ = stop.wait_for(|&stop| stop) => JoinSet::new(),
    };
    started.store(true, Ordering::Relaxed);
    tracing::info!("started");
    let served = serving.await;
    serve::finish(background).await;
    match served {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(StartError::Other(error.to_string())),
        Err(error) => Err(StartError::Other(error.to_string())),
    }
}

/// Everything between "listening" and "started". Gives the loops that run until the end.
async fn start<A: App>(
    base: Base,
    own: A::Settings,
    broker: Broker,
    gate: Arc<OnceLock<Router>>,
) -> Result<JoinSet<()>, StartError> {
    base.sidecar.wait(SIDECAR_PATIENCE).await?;
    let has_data = !A::MIGRATIONS.is_empty();
    if has_data {
        migrate::up(base.database.sql(), &migrate::all(A::MIGRATIONS)).await?;
    }
    let mut parts = A::start(base.clone(), own).await?;
    tokio::spawn(fetch_keys(base.keys.clone(), base.settings.keys_every));
    let background = std::mem::take(&mut parts.background).into_iter().collect();
    if has_data {
        let relay = Relay {
            app: A::ID,
            sidecar: base.sidecar.clone(),
            database: base.database.clone(),
            metrics: base.metrics.clone(),
            spans: base.spans.clone(),
            clock: base.clock.clone(),
            broker,
            retention: base.settings.outbox_retention,
        };
        tokio::spawn(relay.run(base.stop.clone()));
    }
    // Set once: this function runs once.
    drop(gate.set(routes::inner::<A>(&base, parts)));
    Ok(background)
}

fn health_of<A: App>(base: &Base) -> Health {
    let works = A::SUBSCRIPTIONS.iter().any(|subscription| subscription.reading == Reading::Work);
    let has_data = !A::MIGRATIONS.is_empty();
    Health {
        sidecar: base.sidecar.clone(),
        database: has_data.then(|| base.database.clone()),
        keys: base.keys.clone(),
        subscriptions: A::SUBSCRIPTIONS,
        state_store: works.then_some(STATE_STORE),
        publishes: has_data,
        broker: Broker::default(),
        notes: base.notes.clone(),
        clock: base.clock.clone(),
        started: Arc::new(AtomicBool::new(false)),
        commit: base.settings.commit.clone(),
        last: Arc::default(),
    }
}

async fn fetch_keys(keys: Keys, every: Duration) {
    let mut failures = 0_u32;
    loop {
        match keys.fetch().await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                // While all start together it is normal.
                match failures % KEYS_PATIENCE {
                    0 => tracing::warn!(%error, failures, "identity does not give its keys"),
                    _ => tracing::debug!(%error, failures, "identity does not give its keys"),
                }
            }
        }
        tokio::time::sleep(if keys.any().await { every } else { KEYS_EVERY }).await;
    }
}

/// The sidecar that the settings name.
pub fn connect(settings: &Settings, observer: impl Observer) -> Result<Sidecar, StartError> {
    let config = Config {
        http_port: settings.dapr_http_port,
        grpc_port: settings.dapr_grpc_port,
        api_token: settings.dapr_api_token.as_ref().map(|token| token.reveal().to_owned()),
        timeout: settings.call_timeout,
    };
    Ok(Sidecar::new(&config, observer)?)
}

/// Counts and traces each call to the sidecar.
struct Watch {
    metrics: Metrics,
    spans: Spans,
}

impl Observer for Watch {
    fn observe(&self, call: &Call<'_>) {
        let result = if call.error.is_some() { "failed" } else { "ok" };
        self.metrics.calls.get_or_create(&CallLabels { block: call.block, name: call.name.to_owned(), result }).inc();
        let mut tags = std::collections::BTreeMap::new();
        if let Some(error) = call.error {
            tags.insert("error", error.to_string());
        }
        let name = format!("{} {}", call.block, call.name);
        let kind = if call.block == "publish" { Kind::Producer } else { Kind::Client };
        let parent = call.parent.as_ref().map(|context| context.trace.span_id);
        self.spans.record(Span {
            trace: call.trace,
            parent,
            name: &name,
            kind,
            start: call.start,
            duration: call.duration,
            tags,
        });
    }
}
