//! One delivery, from daprd's POST to its answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use contracts::dead_letter::DeadLetter;
use contracts::{CloudEvent, Metadata};
use futures::FutureExt;
use serde_json::{Value, json};
use sidecar::{Context, Sidecar, Trace};

use super::{Attempts, Delivery, Effect, Failure, Reading, Subscriber, Subscription};
use crate::clock::Clock;
use crate::dead_letter;
use crate::metrics::{DeadLetterLabels, FailureLabels, HandleLabels, Metrics};
use crate::problem::{Code, Problem};
use crate::telemetry::{Kind, Span, Spans};

/// Attempts of one event before it is given up.
const MAX_ATTEMPTS: u32 = 3;
/// Time allowed for one effect; well under the broker's redelivery time of 30 s.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(15);
/// The only major version of the schemas there is.
const MAJOR: &str = "1.";

/// Runs the subscriber of one app.
#[derive(Clone)]
pub struct Consumer {
    /// The app.
    pub app: &'static str,
    /// What it reads.
    pub subscriptions: &'static [Subscription],
    /// What it does with it.
    pub subscriber: Arc<dyn Subscriber>,
    /// Marks and counts.
    pub attempts: Attempts,
    /// The way to the dead-letter topics.
    pub sidecar: Sidecar,
    /// Counts.
    pub metrics: Metrics,
    /// Spans.
    pub spans: Spans,
    /// Time.
    pub clock: Clock,
}

/// The routes for deliveries (behind the sidecar's door) and for replays (behind the apps' door).
pub fn routes(consumer: Consumer) -> (Router, Router) {
    let events = Router::new().route("/{topic}", post(receive)).with_state(consumer.clone());
    let replays = Router::new().route("/replay/{topic}", post(replay)).with_state(consumer);
    (events, replays)
}

/// What daprd is told (<https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Success,
    Retry,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = if self == Self::Success { "SUCCESS" } else { "RETRY" };
        Json(json!({ "status": status })).into_response()
    }
}

async fn receive(State(consumer): State<Consumer>, Path(topic): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    // Never 404 for an unknown topic: daprd would drop the event without a word.
    let Some(subscription) = consumer.subscriptions.iter().find(|each| each.topic == topic) else { return Answer::Retry };
    let original: Value = match serde_json::from_slice(&body) {
        Ok(original) => original,
        Err(error) => Value::String(format!("{error}: {}", String::from_utf8_lossy(&body))),
    };
    let header = headers.get("traceparent").and_then(|value| Trace::parse(value.to_str().ok()?));
    consumer.take(subscription, original, header).await
}

/// Handles a dead letter's original again, as if it came for the first time.
async fn replay(
    State(consumer): State<Consumer>,
    Path(topic): Path<String>,
    Json(original): Json<Value>,
) -> Result<Response, Problem> {
    let subscription = consumer.subscriptions.iter().find(|each| each.topic == topic && each.reading == Reading::Work);
    let subscription = subscription.ok_or_else(Problem::not_found)?;
    let delivery = decode(subscription, original.clone()).map_err(|failure| Problem::field("body", failure.to_string()))?;
    consumer.attempts.forget(&delivery.cloud.id).await?;
    match consumer.run(subscription, &delivery, None).await {
        Ok(effect) => Ok(Json(json!({ "effect": format!("{effect:?}").to_lowercase() })).into_response()),
        Err(Failure::Unavailable(detail)) => Err(Problem::unavailable(Failure::Unavailable(detail))),
        Err(failure) => Err(Problem::new(Code::Conflict, format!("It failed again: {failure}"))),
    }
}

impl Consumer {
    async fn take(&self, subscription: &Subscription, original: Value, header: Option<Trace>) -> Answer {
        let delivery = match decode(subscription, original.clone()) {
            Ok(delivery) => delivery,
            Err(_) if subscription.reading == Reading::News => return Answer::Success,
            Err(failure) => {
                return self
                    .give_up(subscription, &undecodable(subscription.topic, &original), original, &failure, 1, "undecodable")
                    .await;
            }
        };
        let work = subscription.reading == Reading::Work && self.subscriber.concerns(&delivery);
        if work && self.attempts.is_processed(&delivery.cloud.id).await {
            self.metrics.duplicates.get_or_create(&self.labels(&delivery)).inc();
            return Answer::Success;
        }
        match self.run(subscription, &delivery, header).await {
            Ok(effect) => {
                if effect == Effect::Duplicate {
                    self.metrics.duplicates.get_or_create(&self.labels(&delivery)).inc();
                }
                // What was ignored is ignored the next time too. The mark is a shortcut, so nobody waits for it: until it is there, and should
                // it never be, the row that the effect wrote answers a repeat.
                if work && effect != Effect::Ignored {
                    let (attempts, id) = (self.attempts.clone(), delivery.cloud.id.clone());
                    tokio::spawn(async move { attempts.mark_processed(&id).await });
                }
                Answer::Success
            }
            Err(Failure::Unavailable(_)) if subscription.reading != Reading::News => Answer::Retry,
            Err(failure) => match subscription.reading {
                Reading::News => Answer::Success,
                Reading::DeadLetters => Answer::Retry,
                Reading::Work => self.count(subscription, &delivery, original, failure).await,
            },
        }
    }

    /// Counts a failure; the last one is a dead letter.
    async fn count(&self, subscription: &Subscription, delivery: &Delivery, original: Value, failure: Failure) -> Answer {
        if matches!(failure, Failure::Permanent(_)) {
            return self.give_up(subscription, &delivery.cloud, original, &failure, 1, "permanent").await;
        }
        match self.attempts.count(&delivery.cloud.id, self.clock.now()).await {
            Ok(failures) if failures.count >= MAX_ATTEMPTS => {
                self.give_up(subscription, &delivery.cloud, original, &failure, failures.count, "attempts").await
            }
            Ok(_) | Err(_) => Answer::Retry,
        }
    }

    /// Publishes the dead letter and tells daprd that the event is settled: DROP would make it dead-letter once more.
    async fn give_up(
        &self,
        subscription: &Subscription,
        cloud: &CloudEvent,
        original: Value,
        failure: &Failure,
        attempts: u32,
        reason: &'static str,
    ) -> Answer {
        let letter = DeadLetter {
            event_id: cloud.id.clone(),
            topic: subscription.topic.to_owned(),
            event_type: cloud.event_type.clone(),
            app: Some(self.app.to_owned()),
            reason: failure.to_string(),
            attempts,
            failed_at: self.clock.now(),
            original,
        };
        let published = dead_letter::publish(&self.sidecar, self.app, &letter, &cloud.id, cloud.traceparent.as_deref()).await;
        match published {
            Ok(()) => {
                tracing::error!(topic = subscription.topic, event_id = cloud.id, event_type = cloud.event_type, attempts, %failure, "the event was given up");
                self.metrics.dead_letters.get_or_create(&DeadLetterLabels { topic: subscription.topic.into(), reason }).inc();
                Answer::Success
            }
            Err(error) => {
                tracing::warn!(topic = subscription.topic, event_id = cloud.id, %error, "the dead letter could not be published; the event comes again");
                Answer::Retry
            }
        }
    }

    /// Runs the effect as part of the event's own story.
    async fn run(&self, subscription: &Subscription, delivery: &Delivery, header: Option<Trace>) -> Result<Effect, Failure> {
        let (context, parent) = context_of(delivery, header);
        let (trace, start, began) = (context.trace, SystemTime::now(), Instant::now());
        let name = format!("{} {}", subscription.topic, delivery.cloud.event_type);
        sidecar::trace::within(context, async {
            let effect = std::panic::AssertUnwindSafe(self.subscriber.handle(delivery)).catch_unwind();
            let result = match tokio::time::timeout(HANDLER_TIMEOUT, effect).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Failure::Failed("the handler panicked".into())),
                Err(_) => Err(Failure::Unavailable(format!("the handler took longer than {HANDLER_TIMEOUT:?}"))),
            };
            self.report(delivery, &name, &result, began.elapsed());
            let mut tags = std::collections::BTreeMap::from([("event_id", delivery.cloud.id.clone())]);
            if let Err(failure) = &result {
                tags.insert("error", failure.to_string());
            }
            self.spans.record(Span { trace, parent, name: &name, kind: Kind::Consumer, start, duration: began.elapsed(), tags });
            result
        })
        .await
    }

    fn report(&self, delivery: &Delivery, name: &str, result: &Result<Effect, Failure>, took: Duration) {
        let labels = self.labels(delivery);
        self.metrics.handled_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let duration_ms = took.as_secs_f64() * 1000.0;
        match result {
            Ok(effect) => tracing::info!(event = name, effect = ?effect, duration_ms, "event"),
            Err(failure) => {
                let reason = if matches!(failure, Failure::Unavailable(_)) { "unavailable" } else { "failed" };
                let HandleLabels { app, topic, event_type } = labels;
                self.metrics.handling_failures.get_or_create(&FailureLabels { app, topic, event_type, reason }).inc();
                tracing::warn!(event = name, %failure, duration_ms, "event");
            }
        }
    }

    fn labels(&self, delivery: &Delivery) -> HandleLabels {
        HandleLabels { app: self.app, topic: delivery.topic.clone(), event_type: delivery.cloud.event_type.clone() }
    }
}

/// The CloudEvent and, for events of the suite, a base this version understands.
fn decode(subscription: &Subscription, original: Value) -> Result<Delivery, Failure> {
    let permanent = |detail: String| Failure::Permanent(format!("undecodable: {detail}"));
    let cloud: CloudEvent = serde_json::from_value(original).map_err(|error| permanent(error.to_string()))?;
    let metadata = cloud.data.get("metadata").cloned().and_then(|metadata| serde_json::from_value::<Metadata>(metadata).ok());
    if subscription.reading != Reading::DeadLetters {
        let version = cloud.data.get("schema_version").and_then(Value::as_str).unwrap_or_default();
        if !version.starts_with(MAJOR) {
            return Err(permanent(format!("schema version {version:?} is not 1.x")));
        }
        if metadata.is_none() {
            return Err(permanent("metadata is missing or incomplete".into()));
        }
    }
    Ok(Delivery { topic: subscription.topic.to_owned(), cloud, metadata })
}

/// A stand-in envelope for what has none, so that its dead letter has an id.
fn undecodable(topic: &str, original: &Value) -> CloudEvent {
    let text = |name: &str| original.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = if text("id").is_empty() { uuid::Uuid::new_v4().to_string() } else { text("id") };
    CloudEvent {
        id,
        event_type: text("type"),
        source: text("source"),
        topic: topic.to_owned(),
        pubsubname: String::new(),
        traceparent: None,
        specversion: "1.0".into(),
        data: Value::Null,
    }
}

/// The event's story: daprd's delivery span if it belongs to the trace the event was published in, else the published position.
fn context_of(delivery: &Delivery, header: Option<Trace>) -> (Context, Option<u64>) {
    let metadata = delivery.metadata.as_ref();
    let published = delivery.cloud.traceparent.as_deref().and_then(Trace::parse);
    let caused = metadata.and_then(|metadata| Trace::parse(metadata.traceparent.as_deref()?));
    let story = caused.or(published);
    let above = match (header, story) {
        (Some(header), Some(story)) if header.trace_id == story.trace_id => Some(header),
        (_, Some(story)) => published.filter(|published| published.trace_id == story.trace_id).or(Some(story)),
        (header, None) => header,
    };
    let mut context = Context::unrecorded();
    if let Some(above) = above {
        context.trace = above.child();
    }
    if let Some(metadata) = metadata {
        context.correlation_id = metadata.correlation_id.as_str().into();
    }
    context.cause = delivery.cloud.id.parse().ok();
    (context, above.map(|above| above.span_id))
}
