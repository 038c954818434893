//! What an app says of itself, and how it is started.
//!
//! The listener is bound first, because daprd waits for it; until the app has its sidecar, its schema and its state, everything but
//! health and the list of subscriptions answers 503.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
use futures::future::BoxFuture;
use serde_json::json;
use sidecar::{Call, Config, Observer, Sidecar};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

use crate::access::{self, Access};
use crate::caller::Keys;
use crate::clock::Clock;
use crate::config::{EXIT_USAGE, Environment, Settings};
use crate::database::Database;
use crate::door::{self, Doors};
use crate::health::{self, Health};
use crate::internal::Internal;
use crate::metrics::{CallLabels, Metrics};
use crate::migrate::{self, Migration};
use crate::outbox::{Broker, Relay};
use crate::problem::{Code, Problem};
use crate::request::{self, MAX_BODY};
use crate::subscribe::{self, Attempts, Consumer, Reading, Subscriber, Subscription};
use crate::telemetry::{self, Kind, Span, Spans};
use crate::{problem, serve};

/// The secret store component, the same name in every set.
pub const SECRET_STORE: &str = "secretstore";
/// The state store component, the same name in every set.
pub const STATE_STORE: &str = "statestore";
/// How long a starting app waits for its sidecar.
const SIDECAR_PATIENCE: Duration = Duration::from_secs(30);
/// How often identity is asked for its keys until it has given some.
const KEYS_EVERY: Duration = Duration::from_millis(500);
/// BSD's `EX_UNAVAILABLE`: a part was missing at start; starting again may help.
const EXIT_UNAVAILABLE: u8 = 69;

/// What an app is, before anything runs.
pub struct Description {
    /// Its schema, oldest first, without the platform's own; empty for an app without data.
    pub migrations: &'static [Migration],
    /// What it reads.
    pub subscriptions: &'static [Subscription],
    /// Its public operations.
    pub openapi: OpenApi,
}

/// One app of the suite.
pub trait App: Sized + Send + 'static {
    /// Its one name: folder, crate, app-id, image, service.
    const ID: &'static str;
    /// Its own settings.
    type Settings: Send;

    /// What it is.
    fn description() -> Description;

    /// Reads its own settings.
    fn settings(environment: &mut Environment) -> Self::Settings;

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
    /// Routes of the sidecar's door, below `/jobs`: cron and jobs.
    pub jobs: Router,
    /// Routes of the apps' door, below `/internal`.
    pub internal: Router,
    /// What handles its events.
    pub subscriber: Option<Arc<dyn Subscriber>>,
    /// Loops that run until the process ends; they watch [`Base::stop`], and what they do then is waited for, briefly.
    pub background: Vec<BoxFuture<'static, ()>>,
}

/// Runs the app: the whole of every `main.rs`.
pub fn main<A: App>() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut environment = Environment::of_process();
    let settings = Settings::read(&mut environment);
    let own = A::settings(&mut environment);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--openapi"] => return print(&A::description().openapi.to_pretty_json().unwrap_or_default()),
        ["--settings"] => return print_settings(&environment),
        [] | ["migrate", "up" | "down" | "status"] => {}
        _ => return complain(A::ID, &["usage: [--openapi | --settings | migrate up|down|status]".to_owned()]),
    }
    if !environment.problems().is_empty() {
        return complain(A::ID, environment.problems());
    }
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else { return ExitCode::FAILURE };
    let clock = Clock::default();
    telemetry::init(A::ID, &settings.log, clock.clone());
    let result = runtime.block_on(async {
        match arguments.get(1) {
            Some(verb) => migrate_only::<A>(&settings, verb).await,
            None => run::<A>(settings, own, clock).await,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "{} could not start", A::ID);
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

async fn run<A: App>(settings: Settings, own: A::Settings, clock: Clock) -> Result<(), StartError> {
    let description = A::description();
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
    let health = health_of(&base, &description);
    let (broker, started) = (health.broker.clone(), health.started.clone());
    let gate = Arc::new(OnceLock::new());
    let outer = outer_routes(&base, A::ID, health, description.subscriptions, gate.clone());
    tracing::info!(port = listener.local_addr().map(|address| address.port()).unwrap_or_default(), "listening");

    let serving = tokio::spawn(serve::serve(listener, outer, base.stop.clone(), base.settings.drain));
    let starting = start::<A>(base.clone(), own, description, broker, gate);
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
    description: Description,
    broker: Broker,
    gate: Arc<OnceLock<Router>>,
) -> Result<JoinSet<()>, StartError> {
    base.sidecar.wait(SIDECAR_PATIENCE).await?;
    let has_data = !description.migrations.is_empty();
    if has_data {
        migrate::up(base.database.sql(), &all_migrations(description.migrations)).await?;
    }
    let parts = A::start(base.clone(), own).await?;
    tokio::spawn(fetch_keys(base.keys.clone()));
    let background = parts.background.into_iter().collect();
    if has_data {
        let relay = Relay {
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
    let consumer = parts.subscriber.map(|subscriber| Consumer {
        app: A::ID,
        subscriptions: description.subscriptions,
        subscriber,
        attempts: Attempts::new(base.sidecar.state(STATE_STORE), A::ID),
        sidecar: base.sidecar.clone(),
        metrics: base.metrics.clone(),
        spans: base.spans.clone(),
        clock: base.clock.clone(),
    });
    let (events, replays) = consumer.map(subscribe::routes).unwrap_or_default();
    let doors = Doors { app_api_token: base.settings.app_api_token.clone(), keys: base.keys.clone(), app: A::ID };
    let sidecar_only = middleware::from_fn_with_state(doors.clone(), door::sidecar_only);
    let apps_only = middleware::from_fn_with_state(doors, door::apps_only);
    let inner = Router::new()
        .merge(parts.public)
        .nest("/events", events.layer(sidecar_only.clone()))
        .nest("/jobs", parts.jobs.layer(sidecar_only))
        .nest("/internal", parts.internal.merge(replays).layer(apps_only))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(base.keys.clone()))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(
            Access { metrics: base.metrics.clone(), spans: base.spans.clone() },
            access::record,
        ));
    // Set once: this function runs once.
    drop(gate.set(inner));
    Ok(background)
}

/// The routes that answer from the first moment; all others go through the gate.
fn outer_routes(
    base: &Base,
    app: &'static str,
    health: Health,
    subscriptions: &'static [Subscription],
    gate: Arc<OnceLock<Router>>,
) -> Router {
    let doors = Doors { app_api_token: base.settings.app_api_token.clone(), keys: base.keys.clone(), app };
    let subscribe =
        get(async move || Json(subscribe_list(subscriptions))).layer(middleware::from_fn_with_state(doors, door::sidecar_only));
    let metrics = base.metrics.clone();
    let exposition = async move || {
        ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.encode().unwrap_or_default())
    };
    let inside = middleware::from_fn(door::inside_only);
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/health/dapr", get(health::dapr).layer(inside.clone()))
        .with_state(health)
        .route("/metrics", get(exposition).layer(inside.clone()))
        .route("/dapr/subscribe", subscribe.layer(inside))
        .method_not_allowed_fallback(wrong_method)
        .fallback(through)
        .layer(middleware::from_fn(request::taken_first))
        .with_state(gate)
}

async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "See the Allow header.")
}

async fn through(State(gate): State<Arc<OnceLock<Router>>>, request: Request) -> Response {
    match gate.get() {
        Some(inner) => inner.clone().oneshot(request).await.into_response(),
        None => {
            let mut response = Problem::new(Code::Unavailable, "The app is starting.").retry_after(1).into_response();
            response.headers_mut().insert(sidecar::invoke::STARTING, axum::http::HeaderValue::from_static("true"));
            response
        }
    }
}

/// What `GET /dapr/subscribe` answers (<https://docs.dapr.io/reference/api/pubsub_api/#provide-a-route-for-dapr-to-discover-topic-subscriptions>).
fn subscribe_list(subscriptions: &[Subscription]) -> serde_json::Value {
    let each = |subscription: &Subscription| {
        let mut entry = json!({ "pubsubname": subscription.component(), "topic": subscription.topic, "route": format!("/events/{}", subscription.topic) });
        if subscription.reading == Reading::Work {
            entry["deadLetterTopic"] = contracts::topic::dead_letters_of(subscription.topic).into();
        }
        entry
    };
    subscriptions.iter().map(each).collect()
}

fn health_of(base: &Base, description: &Description) -> Health {
    let works = description.subscriptions.iter().any(|subscription| subscription.reading == Reading::Work);
    let has_data = !description.migrations.is_empty();
    Health {
        sidecar: base.sidecar.clone(),
        database: has_data.then(|| base.database.clone()),
        keys: base.keys.clone(),
        subscriptions: description.subscriptions,
        state_store: works.then_some(STATE_STORE),
        publishes: has_data,
        broker: Broker::default(),
        notes: base.notes.clone(),
        clock: base.clock.clone(),
        started: Arc::new(AtomicBool::new(false)),
        last: Arc::default(),
    }
}

async fn fetch_keys(keys: Keys) {
    while !keys.any().await {
        if let Err(error) = keys.fetch().await {
            tracing::debug!(%error, "identity has not given its keys yet");
            tokio::time::sleep(KEYS_EVERY).await;
        }
    }
}

fn connect(settings: &Settings, observer: impl Observer) -> Result<Sidecar, StartError> {
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

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    let cause = problem::Words(words.unwrap_or_else(|| "a panic without words".into()));
    Problem::internal(cause).into_response()
}

fn all_migrations(own: &[Migration]) -> Vec<Migration> {
    std::iter::once(migrate::PLATFORM).chain(own.iter().copied()).collect()
}

/// `<app> migrate up|down|status`, through the sidecar as everything else.
async fn migrate_only<A: App>(settings: &Settings, verb: &str) -> Result<(), StartError> {
    let sidecar = connect(settings, ())?;
    sidecar.wait(SIDECAR_PATIENCE).await?;
    let (database, migrations) = (Database::of(&sidecar, A::ID), all_migrations(A::description().migrations));
    let said = match verb {
        "up" => format!("applied {:?}", migrate::up(database.sql(), &migrations).await?),
        "down" => format!("took back {:?}", migrate::down(database.sql(), &migrations).await?),
        _ => {
            let states = migrate::status(database.sql(), &migrations).await?;
            let line = |state: &migrate::State| {
                format!("{:03} {} {}", state.version, state.name, state.applied_at.as_deref().unwrap_or("-"))
            };
            states.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    print(&said);
    Ok(())
}

fn print_settings(environment: &Environment) -> ExitCode {
    let line = |setting: &crate::config::Setting| {
        format!("{}={} # {} ({})", setting.name, setting.value, setting.meaning, setting.source)
    };
    print(&environment.settings().iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn print(text: &str) -> ExitCode {
    // A closed standard output is the reader's choice.
    drop(writeln!(std::io::stdout(), "{text}"));
    ExitCode::SUCCESS
}

fn complain(app: &str, problems: &[String]) -> ExitCode {
    for problem in problems {
        drop(writeln!(std::io::stderr(), "{app}: {problem}"));
    }
    ExitCode::from(EXIT_USAGE)
}
