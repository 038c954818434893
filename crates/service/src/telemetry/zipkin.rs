//! Spans of our own, as Zipkin v2 JSON (<https://zipkin.io/zipkin-api/>), sent in the background and dropped when the queue is full.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sidecar::{Context, Trace};
use tokio::sync::mpsc;

/// Spans waiting to be sent; more are dropped, for a trace is worth less than the request it shows.
const QUEUE: usize = 4096;
/// Spans sent in one call.
const BATCH: usize = 256;
/// Longest time a span waits for company.
const LINGER: Duration = Duration::from_millis(250);
/// Time allowed for one call to Zipkin.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a span is in the exchange between two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// Answers a call.
    Server,
    /// Makes a call.
    Client,
    /// Hands an event on.
    Producer,
    /// Handles an event.
    Consumer,
}

/// A finished span.
#[derive(Debug)]
pub struct Span<'a> {
    /// Its own ids.
    pub trace: Trace,
    /// The span above it, if any.
    pub parent: Option<u64>,
    /// What was done, such as `POST /tasks`.
    pub name: &'a str,
    /// Its side of an exchange.
    pub kind: Kind,
    /// When it began.
    pub start: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// What else is worth knowing; never a secret or a body.
    pub tags: BTreeMap<&'static str, String>,
}

/// Where spans go. Cheap to clone; without an address they go nowhere.
#[derive(Clone, Debug)]
pub struct Spans {
    queue: Option<mpsc::Sender<Wire>>,
    service: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    trace_id: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    name: String,
    kind: Kind,
    timestamp: u64,
    duration: u64,
    local_endpoint: Endpoint,
    tags: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    service_name: &'static str,
}

impl Spans {
    /// Sends to Zipkin's collector at `url`, from a task of its own.
    pub fn to(url: Option<&str>, service: &'static str) -> Self {
        let queue = url.and_then(|url| {
            let client = reqwest::Client::builder().timeout(TIMEOUT).build().ok()?;
            let (sender, receiver) = mpsc::channel(QUEUE);
            tokio::spawn(send_all(receiver, client, url.to_owned()));
            Some(sender)
        });
        Self { queue, service }
    }

    /// Records a finished span, if its trace is recorded.
    pub fn record(&self, span: Span<'_>) {
        let Some(queue) = self.queue.as_ref().filter(|_| span.trace.sampled) else { return };
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let wire = Wire {
            trace_id: format!("{:032x}", span.trace.trace_id),
            id: format!("{:016x}", span.trace.span_id),
            parent_id: span.parent.map(|parent| format!("{parent:016x}")),
            name: span.name.to_owned(),
            kind: span.kind,
            timestamp: micros(span.start.duration_since(UNIX_EPOCH).unwrap_or_default()),
            duration: micros(span.duration).max(1),
            local_endpoint: Endpoint { service_name: self.service },
            tags: span.tags,
        };
        // Full or closed: dropped on purpose.
        drop(queue.try_send(wire));
    }

    /// Runs `work` in a span below the work in hand.
    pub async fn span<T>(&self, name: &str, kind: Kind, work: impl Future<Output = T>) -> T {
        let above = Context::try_current();
        let own = above.as_ref().map_or_else(Context::unrecorded, Context::child);
        let (start, began, trace) = (SystemTime::now(), std::time::Instant::now(), own.trace);
        let result = sidecar::trace::within(own, work).await;
        let parent = above.map(|context| context.trace.span_id);
        self.record(Span { trace, parent, name, kind, start, duration: began.elapsed(), tags: BTreeMap::new() });
        result
    }
}

async fn send_all(mut queue: mpsc::Receiver<Wire>, client: reqwest::Client, url: String) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < BATCH {
            tokio::time::sleep(LINGER).await;
            while batch.len() < BATCH {
                match queue.try_recv() {
                    Ok(span) => batch.push(span),
                    Err(_) => break,
                }
            }
        }
        if let Err(error) = client.post(&url).json(&batch).send().await {
            tracing::debug!(spans = batch.len(), %error, "Zipkin did not take the spans");
        }
        batch.clear();
    }
}
