//! The relay: takes committed outbox rows to the broker, at least once, in order per key, with the trace of the request that caused them.
//!
//! Woken by its own app's commit and every 500 ms. A worker claims rows by a lease, publishes each topic's rows in one call, and settles
//! them; a second one helps while the first is busy, so that the database and the broker have work at the same time. A crash between
//! publish and settle repeats rows; consumers make that harmless. Nothing is ever dropped: after three failures a row is parked and taken
//! up again every 30 s, or at once when the broker answers again; what the broker itself refuses becomes a dead letter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::topic;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use sidecar::publish::Message;
use sidecar::{Error, Sidecar, Statement, Trace};
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::Clock;
use crate::database::Database;
use crate::metrics::{Metrics, PublishLabels};
use crate::telemetry::{Kind, Span, Spans};

mod refused;

const CLAIM: Statement = Statement::new("outbox.claim", include_str!("outbox/claim.sql"));
const SETTLE: Statement = Statement::new("outbox.settle", include_str!("outbox/settle.sql"));
const UNPARK: Statement = Statement::new("outbox.unpark", include_str!("outbox/unpark.sql"));
const PENDING: Statement = Statement::new("outbox.pending", include_str!("outbox/pending.sql"));
const EXPIRE: Statement = Statement::new("outbox.expire", include_str!("outbox/expire.sql"));

/// Rows of one claim: one bulk publish of 500 small events stays far below the sidecar's body limit.
const BATCH: usize = 500;
/// Bytes of payload that a broker may find too large for one message. Such a row goes alone: it would fail the whole call, which never says
/// whose fault it was.
const LARGE: usize = 256 * 1024;
/// A worker that died holds its rows this long; several times what a claim, a publish and a settle may take.
const LEASE_SECONDS: u32 = 20;
/// How often the relay looks without being woken.
const EVERY: Duration = Duration::from_millis(500);
/// How often the gauge is set and old rows are removed.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// What is known of the broker, from the last publish.
#[derive(Clone, Debug, Default)]
pub struct Broker {
    up: Arc<AtomicBool>,
    asked_at: Arc<AtomicI64>,
}

impl Broker {
    /// Notes how a publish went.
    pub fn note(&self, up: bool, at: DateTime<Utc>) {
        self.up.store(up, Ordering::Relaxed);
        self.asked_at.store(at.timestamp_millis(), Ordering::Relaxed);
    }

    /// Whether the last publish was taken; nothing when it is longer ago than `fresh`.
    pub fn known(&self, now: DateTime<Utc>, fresh: Duration) -> Option<bool> {
        let age = now.timestamp_millis() - self.asked_at.load(Ordering::Relaxed);
        (u128::from(age.unsigned_abs()) <= fresh.as_millis()).then(|| self.up.load(Ordering::Relaxed))
    }
}

/// One relay: a task inside the app that owns the data.
#[derive(Clone)]
pub struct Relay {
    /// Whose events.
    pub app: &'static str,
    /// The way to the broker.
    pub sidecar: Sidecar,
    /// Whose outbox.
    pub database: Database,
    /// Counts.
    pub metrics: Metrics,
    /// Spans.
    pub spans: Spans,
    /// Time.
    pub clock: Clock,
    /// What the publishes tell of the broker.
    pub broker: Broker,
    /// How long published rows are kept.
    pub retention: Duration,
}

#[derive(Deserialize)]
struct Claimed {
    id: Uuid,
    topic: String,
    key: String,
    event_type: String,
    /// Handed on as it was written.
    payload: Box<RawValue>,
    traceparent: Option<String>,
    created_at: DateTime<Utc>,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Rows the broker took, or refused for good.
    pub published: usize,
    /// Rows it did not.
    pub failed: usize,
}

impl Relay {
    /// Runs until `stop`.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        // Of both workers: one may fail and the other be the first to see that the broker is back.
        let failing = AtomicBool::new(false);
        tokio::join!(
            self.work(stop.clone(), Some(EVERY), &failing),
            self.work(stop.clone(), None, &failing),
            self.keep_house(stop)
        );
    }

    /// One worker. Without `every` it helps another one: it is woken by a change while that one is busy, and when a claim was full.
    async fn work(&self, mut stop: watch::Receiver<bool>, every: Option<Duration>, failing: &AtomicBool) {
        let worker = Uuid::new_v4();
        while !*stop.borrow() {
            match self.pass(worker).await {
                Ok(pass) => {
                    if pass.failed > 0 {
                        failing.store(true, Ordering::Relaxed);
                    } else if pass.published > 0 && failing.swap(false, Ordering::Relaxed) {
                        self.quietly("unpark", self.database.sql().exec(&UNPARK, &()).await);
                    }
                    if pass.published == BATCH {
                        self.database.wake();
                    }
                    if pass.published > 0 && pass.failed == 0 {
                        continue;
                    }
                }
                Err(error) => tracing::warn!(%error, "the outbox could not be read; it is tried again"),
            }
            tokio::select! {
                () = self.database.changed() => {}
                () = tokio::time::sleep(every.unwrap_or_default()), if every.is_some() => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Claims, publishes and settles once.
    ///
    /// # Errors
    /// When the outbox itself cannot be read or settled; what was published is then published again after the lease.
    pub async fn pass(&self, worker: Uuid) -> sidecar::Result<Pass> {
        let input = json!({ "worker": worker, "lease_seconds": LEASE_SECONDS, "batch": BATCH });
        let claimed: Vec<Claimed> = self.database.sql().query(&CLAIM, &input).await?;
        if claimed.is_empty() {
            return Ok(Pass::default());
        }
        let mut by_topic: BTreeMap<String, Vec<Claimed>> = BTreeMap::new();
        for row in claimed {
            by_topic.entry(row.topic.clone()).or_default().push(row);
        }
        let (mut published, mut failed, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        // Side by side: a key's order is its topic's own affair.
        let errors = join_all(by_topic.iter().map(|(topic, rows)| self.publish(topic, rows))).await;
        for ((topic, rows), errors) in by_topic.into_iter().zip(errors) {
            for row in rows {
                let error = errors.get(&row.id);
                let result = if error.is_some() { "failed" } else { "ok" };
                let labels = PublishLabels { topic: topic.clone(), event_type: row.event_type.clone(), result };
                self.metrics.published.get_or_create(&labels).inc();
                match error {
                    Some(error) if matches!(**error, Error::TooLarge { .. }) && self.bury(&topic, &row, error).await => {
                        refused.push(json!({ "id": row.id, "error": error.to_string() }));
                    }
                    Some(error) => failed.push(json!({ "id": row.id, "error": error.to_string() })),
                    None => published.push(row.id),
                }
            }
        }
        let pass = Pass { published: published.len() + refused.len(), failed: failed.len() };
        let settled = json!({ "published": published, "failed": failed, "refused": refused });
        self.database.sql().exec(&SETTLE, &settled).await?;
        Ok(pass)
    }

    /// Publishes rows of one topic, the large ones each by itself and all others in one call; gives the error of each that was not taken.
    async fn publish(&self, topic: &str, rows: &[Claimed]) -> BTreeMap<Uuid, Arc<Error>> {
        let (large, rows): (Vec<&Claimed>, Vec<&Claimed>) = rows.iter().partition(|row| row.payload.get().len() > LARGE);
        let component = topic::component(topic);
        let mut errors = BTreeMap::new();
        for row in large {
            if let Err(error) = self.sidecar.publish(component, topic, &self.message(row)).await {
                errors.insert(row.id, Arc::new(error));
            }
        }
        if rows.is_empty() {
            return errors;
        }
        let messages: Vec<Message> = rows.iter().map(|row| self.message(row)).collect();
        let result = self.sidecar.publish_bulk(component, topic, &messages).await;
        self.broker.note(result.is_ok(), self.clock.now());
        match result {
            Ok(failed) => errors.extend(failed.into_iter().filter_map(|entry| {
                Some((
                    entry.id.parse().ok()?,
                    Arc::new(Error::NoAnswer { call: format!("publish {topic}"), detail: entry.error }),
                ))
            })),
            Err(error) => {
                tracing::warn!(topic, rows = rows.len(), %error, "the broker did not take the events; they stay in the outbox");
                let error = Arc::new(error);
                errors.extend(rows.iter().map(|row| (row.id, error.clone())));
            }
        }
        errors
    }

    /// The message of a row. Its trace position is a span that shows how long the row waited in the outbox.
    fn message(&self, row: &Claimed) -> Message {
        let waited = row.traceparent.as_deref().and_then(Trace::parse).map(|above| {
            let trace = above.child();
            let duration = (self.clock.now() - row.created_at).to_std().unwrap_or_default();
            let tags = BTreeMap::from([("event_id", row.id.to_string())]);
            let (name, start) = (format!("outbox {}", row.event_type), SystemTime::from(row.created_at));
            self.spans.record(Span {
                trace,
                parent: Some(above.span_id),
                name: &name,
                kind: Kind::Producer,
                start,
                duration,
                tags,
            });
            trace.to_string()
        });
        Message {
            id: row.id.to_string(),
            event_type: row.event_type.clone(),
            key: row.key.clone(),
            traceparent: waited,
            data: Bytes::copy_from_slice(row.payload.get().as_bytes()),
        }
    }

    async fn keep_house(&self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(HOUSEKEEPING);
        while !*stop.borrow() {
            tokio::select! {
                _ = ticks.tick() => self.tidy().await,
                _ = stop.changed() => {}
            }
        }
    }

    async fn tidy(&self) {
        match self.database.sql().query::<i64>(&PENDING, &()).await {
            Ok(pending) => {
                self.metrics.outbox_pending.set(pending);
            }
            Err(error) => tracing::debug!(%error, "the outbox could not be counted"),
        }
        let input = json!({ "published_seconds": self.retention.as_secs() });
        self.quietly("expire", self.database.sql().exec(&EXPIRE, &input).await);
    }

    /// Housekeeping that failed is done next time.
    fn quietly(&self, what: &str, result: sidecar::Result<u64>) {
        if let Err(error) = result {
            tracing::debug!(what, %error, "outbox housekeeping failed; it is done next time");
        }
    }
}
