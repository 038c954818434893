//! One JSON object a line: timestamp, level, service, message, correlation id, trace id, and the fields of the event.

use std::io::Write;

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use sidecar::Context;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry};

use crate::clock::Clock;

/// Sends every log line of this process to standard output. A second call does nothing.
pub fn init(service: &'static str, filter: &str, clock: Clock) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = Registry::default().with(filter).with(Lines { service, clock });
    // Fails only when a test of the same process was here before.
    drop(tracing::subscriber::set_global_default(subscriber));
    // The default hook writes lines that are no JSON, and without the story that they belong to.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, cause = panic.payload_as_str(), "a panic");
    }));
}

struct Lines {
    service: &'static str,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let mut line = Map::new();
        line.insert("timestamp".into(), self.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true).into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("service".into(), self.service.into());
        line.insert("message".into(), "".into());
        let context = Context::try_current();
        line.insert(
            "correlation_id".into(),
            context.as_ref().map(|context| Value::from(&*context.correlation_id)).unwrap_or(Value::Null),
        );
        line.insert(
            "trace_id".into(),
            context.as_ref().map(|context| format!("{:032x}", context.trace.trace_id).into()).unwrap_or(Value::Null),
        );
        if let Some(cause) = context.and_then(|context| context.cause) {
            line.insert("event_id".into(), cause.to_string().into());
        }
        line.insert("target".into(), event.metadata().target().into());
        event.record(&mut Fields(&mut line));
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // A closed standard output must not stop the work.
        drop(std::io::stdout().lock().write_all(text.as_bytes()));
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name().into(), value.to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}
