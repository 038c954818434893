//! The routes of every process: those that answer from the first moment, and the app's own once it has started.

use std::sync::{Arc, OnceLock};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
use serde_json::json;
use tower::ServiceExt;

use super::{App, Base, Parts, STATE_STORE};
use crate::access::{self, Access};
use crate::door::{self, Doors};
use crate::health::{self, Health};
use crate::problem::{self, Code, Problem};
use crate::request::{self, MAX_BODY};
use crate::subscribe::{self, Attempts, Consumer, Reading, Subscription};

/// The routes that answer from the first moment; all others go through the gate.
pub fn outer<A: App>(base: &Base, health: Health, gate: Arc<OnceLock<Router>>) -> Router {
    let doors = Doors { app_api_token: base.settings.app_api_token.clone(), keys: base.keys.clone(), app: A::ID };
    let subscribe = get(async move || Json(subscribe_list(A::SUBSCRIPTIONS)))
        .layer(middleware::from_fn_with_state(doors, door::sidecar_only));
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

/// The routes of the app itself, each behind its door.
pub fn inner<A: App>(base: &Base, parts: Parts) -> Router {
    let consumer = parts.subscriber.map(|subscriber| Consumer {
        app: A::ID,
        subscriptions: A::SUBSCRIPTIONS,
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
    Router::new()
        .merge(parts.public)
        .nest("/events", events.layer(sidecar_only.clone()))
        .nest("/jobs", parts.jobs.layer(sidecar_only.clone()))
        .nest("/job", parts.job.layer(sidecar_only))
        .nest("/internal", parts.internal.merge(replays).layer(apps_only))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(base.keys.clone()))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(
            Access { metrics: base.metrics.clone(), spans: base.spans.clone() },
            access::record,
        ))
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

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    let cause = problem::Words(words.unwrap_or_else(|| "a panic without words".into()));
    Problem::internal(cause).into_response()
}
