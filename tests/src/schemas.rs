//! Events and their envelope, held against the JSON Schemas of `tests/schemas`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail, ensure};
use contracts::topic;
use jsonschema::{Registry, Validator};
use serde_json::Value;

/// What a message is on the broker, whatever its topic.
pub const CLOUD_EVENT: &str = "cloud-event";
/// Where the schemas say that they are, so that they find each other. Nobody asks there.
const BASE: &str = "https://outrigger/schemas";
const SCHEMAS: [(&str, &str); 10] = [
    ("event", include_str!("../schemas/event.json")),
    ("task", include_str!("../schemas/task.json")),
    ("message", include_str!("../schemas/message.json")),
    (CLOUD_EVENT, include_str!("../schemas/cloud-event.json")),
    (topic::TASK_EVENTS, include_str!("../schemas/task-events.json")),
    (topic::REMINDERS, include_str!("../schemas/reminders.json")),
    (topic::TASK_UPDATES, include_str!("../schemas/task-updates.json")),
    (topic::USER_EVENTS, include_str!("../schemas/user-events.json")),
    (topic::MESSAGES, include_str!("../schemas/messages.json")),
    (topic::REALTIME_EVENTS, include_str!("../schemas/realtime-events.json")),
];

static VALIDATORS: LazyLock<Result<BTreeMap<&str, Validator>>> = LazyLock::new(|| {
    let mut registry = Registry::new();
    for (name, text) in SCHEMAS {
        let schema: Value = serde_json::from_str(text).context(name)?;
        registry = registry.add(format!("{BASE}/{name}.json"), schema)?;
    }
    let registry = registry.prepare()?;
    let validator = |name: &'static str| {
        let schema = serde_json::json!({ "$ref": format!("{BASE}/{name}.json") });
        let options = jsonschema::options().with_registry(&registry).should_validate_formats(true).offline();
        Ok((name, options.build(&schema).with_context(|| name.to_owned())?))
    };
    SCHEMAS.into_iter().map(|(name, _)| validator(name)).collect()
});

/// Whether a value is what the schema of this name says; every fault is part of the failure. The schema of an event has its topic's name.
///
/// # Errors
/// When it is not, or there is no such schema.
pub fn fits(name: &str, value: &Value) -> Result<()> {
    let validators = VALIDATORS.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let validator = validators.get(name).with_context(|| format!("{name} has no schema"))?;
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{}: {}", fault.instance_path(), fault.masked())).collect();
    if faults.is_empty() { Ok(()) } else { bail!("not as {name}.json says: {}\nin {value}", faults.join("; ")) }
}

/// Whether a message is what it must be on its topic: the envelope and the event in it are as their schemas say, and the envelope says what
/// the event says.
///
/// # Errors
/// When it is not.
pub fn is_whole(topic: &str, message: &Value) -> Result<()> {
    fits(CLOUD_EVENT, message)?;
    let data = &message["data"];
    fits(topic, data)?;
    for (outside, inside) in [
        (&message["id"], &data["event_id"]),
        (&message["type"], &data["event_type"]),
        (&message["source"], &data["metadata"]["source"]),
        (&message["topic"], &Value::from(topic)),
        (&message["pubsubname"], &Value::from(topic::component(topic))),
    ] {
        ensure!(outside == inside, "the envelope says {outside}, the event {inside}: {message}");
    }
    let caused = &data["metadata"]["traceparent"];
    let traces = (trace_of(&message["traceparent"]), trace_of(caused));
    ensure!(caused.is_null() || traces.0 == traces.1, "{traces:?}: {message}");
    Ok(())
}

/// The trace of a `traceparent`.
pub fn trace_of(traceparent: &Value) -> &str {
    traceparent.as_str().and_then(|text| text.split('-').nth(1)).unwrap_or_default()
}
