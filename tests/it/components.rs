//! The component sets: the same names everywhere, no address and no secret in any, each app sees only its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::Instance;
use tests::{Suite, story};

use crate::cluster::documents;
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
                let store = &component["auth"]["secretStore"];
                ensure!(!by_reference || store == "secretstore", "{folder}/{name}: {key} is in {store}");
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

/// Targets name policies that there are, every policy is some target's, and of what fails nothing is left to daprd's defaults.
#[test]
fn contract_the_resiliency_file_names_each_app_and_what_leaves_a_sidecar() -> Result<()> {
    let file = read(&root()?.join("components/common/resiliency.yaml"))?;
    let (policies, targets) = (&file["spec"]["policies"], &file["spec"]["targets"]);
    let names =
        |value: &Value| -> BTreeSet<String> { value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect() };
    for app in list(&read(&root()?.join("dapr.yaml"))?["apps"]) {
        let app = app["appID"].as_str().unwrap_or_default();
        ensure!(targets["apps"][app]["retry"] == "once", "calls to {app} are repeated by daprd's default");
    }
    let mut used: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let ways = |target: &Value| [target.clone(), target["inbound"].clone(), target["outbound"].clone()];
    let all = targets["apps"].as_object().into_iter().chain(targets["components"].as_object()).flatten();
    for (kind, of) in all.flat_map(|(_, target)| ways(target)).flat_map(|way| {
        [("timeouts", "timeout"), ("retries", "retry")].map(|(kind, key)| (kind, way[key].as_str().map(str::to_owned)))
    }) {
        used.entry(kind).or_default().extend(of);
    }
    for kind in ["timeouts", "retries"] {
        ensure!(used[kind] == names(&policies[kind]), "{kind}: used {:?}, there are {:?}", used[kind], names(&policies[kind]));
    }
    for pubsub in ["pubsub", "pubsub-fanout"] {
        let target = &targets["components"][pubsub];
        ensure!(target["inbound"]["retry"].is_string() && target["outbound"]["timeout"].is_string(), "{pubsub}: {target}");
        let tries = &policies["retries"][target["outbound"]["retry"].as_str().unwrap_or_default()]["maxRetries"];
        ensure!(tries.as_i64().is_some_and(|tries| (0..10).contains(&tries)), "publishing on {pubsub} is tried {tries} times");
    }
    // Statements are repeated by crates/sidecar alone, which reads their SQLSTATE; input bindings and the secret store have nothing to repeat.
    for (name, component) in components("common")?.into_iter().chain(components("local")?) {
        let kind = component["spec"]["type"].as_str().unwrap_or_default();
        let left = ["bindings.postgresql", "bindings.cron", "secretstores."].iter().any(|each| kind.starts_with(each));
        let named = targets["components"][&name]["outbound"]["timeout"].is_string();
        ensure!(named != left, "{name} ({kind}): {}", targets["components"][&name]);
    }
    Ok(())
}

/// What a sidecar says of itself.
async fn metadata(suite: &Suite, instance: &Instance) -> Result<Value> {
    let url = format!("http://127.0.0.1:{}/v1.0/metadata", instance.dapr_http_port);
    let asked = suite.client().get(url).header("dapr-api-token", &instance.dapr_api_token);
    Ok(asked.send().await?.error_for_status()?.json().await?)
}

/// Topics by app, as ARCHITECTURE.md tells them: work, which dead letters back up, and news, which they do not.
const WORK: [(&str, &[&str]); 6] = [
    ("tasks", &["user-events"]),
    ("recurrence", &["task-events"]),
    ("reminders", &["reminders", "task-events"]),
    ("notifications", &["reminders", "user-events"]),
    ("messaging", &["user-events"]),
    ("audit", &["messages", "reminders", "task-events", "user-events"]),
];

/// What a cluster is told of subscriptions: app, and component, topic, route and dead letters.
fn declared() -> Result<BTreeSet<(String, [String; 4])>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut declared = BTreeSet::new();
    for object in documents::<Value>(&std::fs::read_to_string(root()?.join("k8s/base/dapr-subscriptions.yaml"))?)? {
        let spec = &object["spec"];
        let entry = [&spec["pubsubname"], &spec["topic"], &spec["routes"]["default"], &spec["deadLetterTopic"]].map(text);
        declared.extend(list(&object["scopes"]).iter().map(|app| (text(app), entry.clone())));
    }
    Ok(declared)
}

#[tokio::test]
async fn contract_each_sidecar_is_subscribed_to_what_its_app_says_and_backs_it_up() -> Result<()> {
    story(async |suite, _| {
        let declared = declared()?;
        let mut by_apps = BTreeSet::new();
        for instance in suite.stack().instances() {
            let part = instance.part();
            let url = format!("http://127.0.0.1:{}/dapr/subscribe", instance.app_port);
            let asked = suite.client().get(url).header("dapr-api-token", &instance.app_api_token);
            let said: Vec<Value> = match asked.send().await? {
                // An app without subscriptions may have no such path.
                answer if answer.status() == 404 => Vec::new(),
                answer => answer.error_for_status()?.json().await?,
            };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let of_app: BTreeSet<[String; 4]> = said
                .iter()
                .map(|each| ["pubsubname", "topic", "route", "deadLetterTopic"].map(|name| text(&each[name])))
                .collect();
            let of_sidecar: BTreeSet<[String; 4]> = list(&metadata(&suite, instance).await?["subscriptions"])
                .iter()
                .map(|each| {
                    let [component, topic, letters] = ["pubsubname", "topic", "deadLetterTopic"].map(|name| text(&each[name]));
                    [component, topic, text(&each["rules"][0]["path"]), letters]
                })
                .collect();
            ensure!(of_app == of_sidecar && of_app.len() == said.len(), "{part} says {of_app:?}, its sidecar {of_sidecar:?}");

            by_apps.extend(of_app.iter().map(|each| (instance.app.clone(), each.clone())));
            let work = WORK.iter().find(|(app, _)| *app == instance.app).map_or(&[][..], |(_, topics)| *topics);
            let backed_up: Vec<&str> =
                of_app.iter().filter(|[.., letters]| !letters.is_empty()).map(|[_, topic, ..]| topic.as_str()).collect();
            ensure!(backed_up == work, "{part} works on {backed_up:?}");
            for [component, topic, route, letters] in &of_app {
                ensure!(*component == contracts::topic::component(topic), "{part}: {topic} comes by {component}");
                ensure!(*route == format!("/events/{topic}"), "{part}: {topic} goes to {route}");
                let known = letters.is_empty() || *letters == contracts::topic::dead_letters_of(topic);
                ensure!(known, "{part}: the dead letters of {topic} go to {letters}");
            }
            let log = std::fs::read_to_string(&instance.daprd_log)?.to_lowercase();
            ensure!(!log.contains("conflict"), "{part}: its sidecar logs a conflict");
        }
        ensure!(by_apps == declared, "the apps say {by_apps:?}, k8s/base/dapr-subscriptions.yaml {declared:?}");
        Ok(())
    })
    .await
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
            let metadata = metadata(&suite, instance).await?;
            let loaded: BTreeSet<String> = list(&metadata["components"])
                .iter()
                .filter_map(|component| Some(component["name"].as_str()?.to_owned()))
                .collect();
            ensure!(loaded == wanted, "{} {}: loaded {loaded:?}, wanted {wanted:?}", instance.app, instance.index);
            let policies = &metadata["resiliencies"];
            let named: Vec<_> = list(policies).iter().map(|each| each["name"].clone()).collect();
            ensure!(named == ["outrigger-resiliency"], "{}: {policies}", instance.part());
        }
        Ok(())
    })
    .await
}
