//! The component sets: the same names everywhere, no address and no secret in any, each app sees only its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::story;

use crate::workspace::{files, root};

/// The sets that stand beside `components/common`, one at a time.
const SETS: [&str; 3] = ["local", "kafka", "cloud"];
/// Metadata that may stand in the open: it names no place, no person and no secret.
const OPEN: [&str; 27] = [
    "schedule",
    "route",
    "direction",
    "maxConns",
    "cleanupInterval",
    "processingTimeout",
    "redeliverInterval",
    "streamTTL",
    "maxLenApprox",
    "consumerID",
    "consumerGroup",
    "initialOffset",
    "sessionTimeout",
    "heartbeatInterval",
    "version",
    "authType",
    "saslMechanism",
    "secretsFile",
    "multiValued",
    "disableTls",
    "MTLSEnabled",
    "timeoutInSeconds",
    "operation",
    "clientConnectionKeepAliveInterval",
    "maxMessageBytes",
    "responseTimeout",
    "timeout",
];

/// The components of a folder by name.
fn components(folder: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for file in files(&root()?.join("components").join(folder), ".yaml")? {
        let document: Value = read(&file)?;
        if document["kind"] == "Component" {
            let name = document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            ensure!(file.file_stem().is_some_and(|stem| stem.to_string_lossy() == name), "{} holds {name}", file.display());
            ensure!(found.insert(name.clone(), document).is_none(), "{folder} has {name} twice");
        }
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Value> {
    serde_yaml_ng::from_str(&std::fs::read_to_string(file)?).with_context(|| file.display().to_string())
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

#[test]
fn contract_every_set_has_the_same_names_and_the_scopes_are_the_same() -> Result<()> {
    let scopes = |components: &BTreeMap<String, Value>| -> BTreeMap<String, Value> {
        components.iter().map(|(name, component)| (name.clone(), component["scopes"].clone())).collect()
    };
    let first = scopes(&components(SETS[0])?);
    ensure!(first.contains_key("pubsub") && first.contains_key("pubsub-fanout"), "{first:?}");
    for set in SETS {
        ensure!(scopes(&components(set)?) == first, "{set} differs from {}: {first:?}", SETS[0]);
    }
    let common = components("common")?;
    ensure!(first.keys().all(|name| !common.contains_key(name)), "a component is common or of a set, not both");
    Ok(())
}

#[test]
fn contract_no_component_holds_an_address_or_a_secret_and_each_has_scopes() -> Result<()> {
    for folder in ["common"].into_iter().chain(SETS) {
        for (name, component) in components(folder)? {
            ensure!(!list(&component["scopes"]).is_empty(), "{folder}/{name} has no scopes");
            for item in list(&component["spec"]["metadata"]) {
                let key = item["name"].as_str().unwrap_or_default();
                let by_reference = item["secretKeyRef"]["name"].is_string() && item["secretKeyRef"]["key"].is_string();
                ensure!(by_reference || OPEN.contains(&key), "{folder}/{name}: {key} stands in the open");
                let value = item["value"].as_str().unwrap_or_default();
                ensure!(
                    !value.contains("://") && !value.contains("localhost") && !value.contains("127.0.0.1"),
                    "{folder}/{name}: {key}={value}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn contract_the_resiliency_file_never_gives_up_an_event_and_breaks_no_circuit() -> Result<()> {
    let policies = read(&root()?.join("components/common/resiliency.yaml"))?;
    ensure!(policies["kind"] == "Resiliency" && policies["metadata"]["name"] == "outrigger-resiliency", "{policies}");
    ensure!(policies["spec"]["policies"]["circuitBreakers"].is_null(), "daprd's breakers count a client's errors");
    let retry = policies["spec"]["targets"]["components"]["pubsub"]["inbound"]["retry"].as_str().unwrap_or_default();
    let policy = &policies["spec"]["policies"]["retries"][retry];
    ensure!(policy["maxRetries"] == -1 && policy["policy"] == "constant", "an outage may last: {policy}");
    Ok(())
}

#[test]
fn contract_news_are_kept_for_the_same_short_time_on_every_broker() -> Result<()> {
    let metadata = |set: &str, key: &str| -> Result<Value> {
        let fanout = &components(set)?["pubsub-fanout"];
        let found = list(&fanout["spec"]["metadata"]).into_iter().find(|item| item["name"] == key);
        Ok(found.with_context(|| format!("{set}: no {key}"))?["value"].clone())
    };
    // A group of Redis begins at the oldest entry; Kafka's is told to, and its topic is made with that time (crates/stack).
    let minutes = format!("{}m", contracts::topic::NEWS_KEPT.as_secs() / 60);
    ensure!(metadata("local", "streamTTL")? == minutes.as_str(), "not {minutes}");
    for set in ["kafka", "cloud"] {
        ensure!(
            metadata(set, "initialOffset")? == "oldest",
            "{set}: an instance that starts would miss what comes before it has joined"
        );
    }
    Ok(())
}

#[tokio::test]
async fn contract_each_sidecar_has_loaded_what_its_app_is_in_the_scope_of_and_nothing_else() -> Result<()> {
    story(async |suite, _| {
        let set = tests::suite::set()?.name();
        let mut all = components("common")?;
        all.extend(components(set)?);
        for instance in suite.stack().instances() {
            let wanted: BTreeSet<String> = all
                .iter()
                .filter(|(_, component)| list(&component["scopes"]).iter().any(|scope| scope == instance.app.as_str()))
                .map(|(name, _)| name.clone())
                .collect();
            let url = format!("http://127.0.0.1:{}/v1.0/metadata", instance.dapr_http_port);
            let metadata: Value = suite
                .client()
                .get(url)
                .header("dapr-api-token", &instance.dapr_api_token)
                .send()
                .await?
                .error_for_status()?
                .json()
                .await?;
            let loaded: BTreeSet<String> = list(&metadata["components"])
                .iter()
                .filter_map(|component| Some(component["name"].as_str()?.to_owned()))
                .collect();
            ensure!(loaded == wanted, "{} {}: loaded {loaded:?}, wanted {wanted:?}", instance.app, instance.index);
        }
        Ok(())
    })
    .await
}
