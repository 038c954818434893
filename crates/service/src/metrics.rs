//! What every process counts, under the names the dashboards and alerts use.
//!
//! Names are without the app: the scrape adds it. Labels hold route patterns, topics and codes, never ids.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Bounds in seconds, dense around the 50, 100, 200 and 500 ms that the objectives name.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0];
/// Linux reports CPU time in ticks of 10 ms (`USER_HZ` is 100 on every architecture we build for).
const TICKS_PER_SECOND: f64 = 100.0;

/// Labels of a request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// HTTP method, or `other`.
    pub method: String,
    /// Route pattern, or `unmatched`.
    pub route: String,
    /// HTTP status.
    pub status: u16,
}

/// Labels of a route.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RouteLabels {
    /// HTTP method, or `other`.
    pub method: String,
    /// Route pattern, or `unmatched`.
    pub route: String,
}

/// Labels of a published event.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct PublishLabels {
    /// Topic.
    pub topic: String,
    /// Event type.
    pub event_type: String,
    /// `ok` or `failed`.
    pub result: &'static str,
}

/// Labels of a handled event.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct HandleLabels {
    /// The handling app.
    pub app: &'static str,
    /// Topic.
    pub topic: String,
    /// Event type.
    pub event_type: String,
}

/// Labels of a failed handling.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct FailureLabels {
    /// The handling app.
    pub app: &'static str,
    /// Topic.
    pub topic: String,
    /// Event type.
    pub event_type: String,
    /// `unavailable` or `failed`.
    pub reason: &'static str,
}

/// Labels of a dead letter.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DeadLetterLabels {
    /// Topic the event came from.
    pub topic: String,
    /// `undecodable`, `version`, `permanent`, `attempts`, or `refused` by the broker.
    pub reason: &'static str,
}

/// Labels of a call to the sidecar.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct CallLabels {
    /// Building block.
    pub block: &'static str,
    /// Statement, topic, component or app, never an id.
    pub name: String,
    /// `ok` or `failed`.
    pub result: &'static str,
}

/// A family of histograms of durations in seconds.
pub type Seconds<L> = Family<L, Histogram>;

/// A family of histograms with the suite's bounds.
pub fn seconds<L: Clone + std::hash::Hash + Eq>() -> Seconds<L> {
    Family::new_with_constructor(|| Histogram::new(BOUNDS))
}

/// What every process counts. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Time to answer.
    pub request_seconds: Seconds<RouteLabels>,
    /// Requests being answered.
    pub in_flight: Gauge,
    /// Events that left.
    pub published: Family<PublishLabels, Counter>,
    /// Time to handle an event.
    pub handled_seconds: Seconds<HandleLabels>,
    /// Handlings that failed.
    pub handling_failures: Family<FailureLabels, Counter>,
    /// Events that had been handled before.
    pub duplicates: Family<HandleLabels, Counter>,
    /// Events given up.
    pub dead_letters: Family<DeadLetterLabels, Counter>,
    /// Outbox rows still to be published.
    pub outbox_pending: Gauge,
    /// Calls to the sidecar.
    pub calls: Family<CallLabels, Counter>,
}

impl Metrics {
    /// Registers them all for the app `service`.
    pub fn new(service: &'static str) -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            request_seconds: seconds(),
            in_flight: Gauge::default(),
            published: Family::default(),
            handled_seconds: seconds(),
            handling_failures: Family::default(),
            duplicates: Family::default(),
            dead_letters: Family::default(),
            outbox_pending: Gauge::default(),
            calls: Family::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit("http_request_duration", "Time to answer", Unit::Seconds, metrics.request_seconds.clone());
        registry.register("http_requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        registry.register("events_published", "Events handed to the broker", metrics.published.clone());
        registry.register_with_unit(
            "event_processing_duration",
            "Time to handle an event",
            Unit::Seconds,
            metrics.handled_seconds.clone(),
        );
        registry.register("event_processing_failures", "Handlings that failed", metrics.handling_failures.clone());
        registry.register("events_duplicate", "Events that had been handled before", metrics.duplicates.clone());
        registry.register("dlq_messages", "Events given up", metrics.dead_letters.clone());
        registry.register("outbox_pending_events", "Outbox rows still to be published", metrics.outbox_pending.clone());
        registry.register("sidecar_calls", "Calls to the sidecar", metrics.calls.clone());
        registry.register("build", "What runs", Info::new([("app", service), ("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_collector(Box::new(Process));
        Self { registry: Arc::new(Mutex::new(registry)), ..metrics }
    }

    /// Adds an app's own metrics.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The exposition in OpenMetrics text.
    ///
    /// # Errors
    /// Never in practice: a text buffer takes everything.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }
}

/// CPU time, memory and start of this process, read at the scrape.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        if let Some(cpu) = cpu_time() {
            let counter = ConstCounter::new(cpu.as_secs_f64());
            let metric =
                encoder.encode_descriptor("process_cpu", "CPU time used", Some(&Unit::Seconds), counter.metric_type())?;
            counter.encode(metric)?;
        }
        if let Some(bytes) = resident_bytes() {
            let gauge = ConstGauge::new(bytes);
            let metric =
                encoder.encode_descriptor("process_resident_memory", "Memory in use", Some(&Unit::Bytes), gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        if let Some(start) = start_time() {
            let gauge = ConstGauge::new(start);
            let metric = encoder.encode_descriptor(
                "process_start_time",
                "When it was started, since 1970",
                Some(&Unit::Seconds),
                gauge.metric_type(),
            )?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}

/// User and system time, from `/proc/self/stat` fields 14 and 15 (proc(5)).
fn cpu_time() -> Option<Duration> {
    let ticks = stat_field(14)? + stat_field(15)?;
    Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

/// Field 22 of `/proc/self/stat`, which counts from the machine's start, `btime` of `/proc/stat`.
fn start_time() -> Option<f64> {
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    Some(booted + stat_field(22)? / TICKS_PER_SECOND)
}

/// A field of `/proc/self/stat` by its number in proc(5).
fn stat_field(number: usize) -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses, field 2, may hold spaces; the fields after it do not.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// `VmRSS` of `/proc/self/status`.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse::<i64>().ok().map(|kib| kib * 1024)
}
