//! `/health`, `/ready` and `/health/dapr`: does the process live, can it serve, and what of the sidecar is up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::topic;
use serde::Serialize;
use sidecar::publish::Message;
use sidecar::{Sidecar, Statement};
use uuid::Uuid;

use crate::caller::Keys;
use crate::clock::Clock;
use crate::database::Database;
use crate::outbox::Broker;
use crate::subscribe::{Subscription, faults};

/// How long the last publish speaks for the broker; after that a probe is published.
const BROKER_FRESH: Duration = Duration::from_secs(10);
/// Time allowed for each check; readiness is asked every few seconds.
const CHECK_TIMEOUT: Duration = Duration::from_millis(1500);
const PING: Statement = Statement::new("ready", "select to_jsonb(1)::text");

/// What an app adds to `/health` by name, such as the state of a circuit. Told when it changes, never asked.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<BTreeMap<String, String>>>);

impl Notes {
    /// Says how `name` is from now on.
    pub fn tell(&self, name: impl Into<String>, state: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), state.into());
    }

    fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the checks need.
#[derive(Clone)]
pub struct Health {
    /// The sidecar.
    pub sidecar: Sidecar,
    /// The app's database, if it has one.
    pub database: Option<Database>,
    /// Identity's keys.
    pub keys: Keys,
    /// What the app subscribes to.
    pub subscriptions: &'static [Subscription],
    /// The state store of the subscriber wrapper, if the app subscribes.
    pub state_store: Option<&'static str>,
    /// Whether the app publishes.
    pub publishes: bool,
    /// What is known of the broker.
    pub broker: Broker,
    /// Time.
    pub clock: Clock,
    /// Whether the app has started.
    pub started: Arc<std::sync::atomic::AtomicBool>,
    /// What the app adds.
    pub notes: Notes,
    /// What was built.
    pub commit: String,
    /// The last known checks, for `/health`.
    pub last: Arc<Mutex<BTreeMap<String, String>>>,
}

/// The body of all three.
#[derive(Debug, Serialize)]
struct Body {
    status: &'static str,
    checks: BTreeMap<String, String>,
}

/// The body of `/health`: which release it is, too.
#[derive(Debug, Serialize)]
struct Life {
    #[serde(flatten)]
    body: Body,
    version: &'static str,
    commit: String,
}

impl Health {
    /// What a request cannot be served without, and what is only missed. `up`, or what is wrong.
    async fn check(&self) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let (mut needed, mut missed) = (BTreeMap::new(), BTreeMap::new());
        let started = self.started.load(std::sync::atomic::Ordering::Relaxed);
        needed.insert("app".to_owned(), word(started, "starting"));
        let metadata = within(self.sidecar.metadata()).await;
        let healthy = within(self.sidecar.health()).await;
        needed.insert("sidecar".to_owned(), word(healthy.is_ok() && metadata.is_ok(), "down"));
        if let Some(database) = &self.database {
            needed.insert("database".to_owned(), word(within(database.sql().query::<i64>(&PING, &())).await.is_ok(), "down"));
        }
        needed.insert("keys".to_owned(), word(self.keys.any().await, "never fetched from identity"));
        if let (Ok(metadata), false) = (&metadata, self.subscriptions.is_empty()) {
            let faults = faults(self.subscriptions, metadata);
            needed.insert("subscriptions".to_owned(), if faults.is_empty() { "up".into() } else { faults.join("; ") });
        }
        if let Some(store) = self.state_store {
            let answered = within(self.sidecar.state(store).get::<serde_json::Value>("health")).await;
            missed.insert(store.to_owned(), word(answered.is_ok(), "down"));
        }
        if self.publishes {
            missed.insert(topic::PUBSUB.to_owned(), word(self.broker_is_up().await, "down"));
        }
        let mut all = needed.clone();
        all.extend(missed.clone());
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = all;
        (needed, missed)
    }

    async fn broker_is_up(&self) -> bool {
        if let Some(up) = self.broker.known(self.clock.now(), BROKER_FRESH) {
            return up;
        }
        let probe = Message {
            id: Uuid::new_v4().to_string(),
            event_type: "probe".into(),
            key: "probe".into(),
            traceparent: None,
            data: Bytes::from_static(b"{}"),
        };
        let up = within(self.sidecar.publish(topic::PUBSUB, topic::PROBES, &probe)).await.is_ok();
        self.broker.note(up, self.clock.now());
        up
    }
}

/// The process lives; nothing is asked.
pub async fn health(State(health): State<Health>) -> Response {
    let mut checks = health.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    checks.extend(health.notes.all());
    Json(Life { body: Body { status: "ok", checks }, version: env!("CARGO_PKG_VERSION"), commit: health.commit }).into_response()
}

/// 503 only when a request cannot be served; what is only missed makes it `degraded`.
pub async fn ready(State(health): State<Health>) -> Response {
    let (needed, missed) = health.check().await;
    let (can_serve, whole) = (all_up(&needed), all_up(&missed));
    let status = match (can_serve, whole) {
        (false, _) => "unavailable",
        (true, false) => "degraded",
        (true, true) => "ready",
    };
    let code = if can_serve { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Body { status, checks: needed.into_iter().chain(missed).collect() })).into_response()
}

/// 503 when the sidecar or any building block in use is down.
pub async fn dapr(State(health): State<Health>) -> Response {
    let (mut checks, missed) = health.check().await;
    checks.extend(missed);
    checks.remove("app");
    let up = all_up(&checks);
    let code = if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Body { status: if up { "up" } else { "down" }, checks })).into_response()
}

fn all_up(checks: &BTreeMap<String, String>) -> bool {
    checks.values().all(|value| value == "up")
}

fn word(up: bool, otherwise: &str) -> String {
    if up { "up".into() } else { otherwise.into() }
}

async fn within<T>(call: impl Future<Output = sidecar::Result<T>>) -> sidecar::Result<T> {
    let late = || sidecar::Error::TimedOut { call: "check".into(), limit: CHECK_TIMEOUT };
    tokio::time::timeout(CHECK_TIMEOUT, call).await.unwrap_or_else(|_| Err(late()))
}
