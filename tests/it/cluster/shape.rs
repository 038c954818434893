//! What the manifests are: complete for every app, bounded as the free machine is, the same for each broker.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{name, of_kind, rendered};
use crate::workspace::root;

/// What each pod says to Dapr's injector, beside its name, its configuration and its token.
const SAID: [&str; 9] = [
    "app-port",
    "log-as-json",
    "enable-metrics",
    "enable-app-health-check",
    "app-health-check-path",
    "sidecar-cpu-request",
    "sidecar-memory-request",
    "sidecar-memory-limit",
    "sidecar-seccomp-profile-type",
];

/// The overlays that are for a cluster as it is.
const OVERLAYS: [&str; 2] = ["k8s/local", "k8s/local/kafka"];

/// The apps of `dapr.yaml`: what runs on one machine runs in a cluster.
pub(crate) fn apps() -> Result<BTreeSet<String>> {
    let suite: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(root()?.join("dapr.yaml"))?)?;
    let list = suite["apps"].as_array().context("apps")?;
    Ok(list.iter().filter_map(|app| Some(app["appID"].as_str()?.to_owned())).collect())
}

/// `250m`, `2`, `64Mi`, `4Gi` as a number of processors or bytes.
pub(crate) fn quantity(text: &str) -> Result<f64> {
    let units = [("m", 0.001), ("Ki", 1024.0), ("Mi", 1024.0 * 1024.0), ("Gi", 1024.0 * 1024.0 * 1024.0)];
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    Ok(number.parse::<f64>().with_context(|| text.to_owned())? * factor)
}

#[test]
fn contract_every_app_is_deployed_alone_under_its_name_without_rights() -> Result<()> {
    let apps = apps()?;
    for overlay in OVERLAYS {
        let objects = rendered(overlay)?;
        let deployments = of_kind(&objects, "Deployment");
        let with_sidecar =
            deployments.iter().filter(|each| each["spec"]["template"]["metadata"]["annotations"]["dapr.io/enabled"] == "true");
        let mut seen = BTreeSet::new();
        for deployment in with_sidecar {
            let (app, pod) = (name(deployment), &deployment["spec"]["template"]);
            let annotations = &pod["metadata"]["annotations"];
            let said = |key: &str| annotations[format!("dapr.io/{key}")].as_str().unwrap_or_default().to_owned();
            ensure!(said("app-id") == app && said("config") == app, "{app}: {annotations}");
            ensure!(said("api-token-secret") == format!("{app}-token"), "{app}: {annotations}");
            ensure!(pod["spec"]["serviceAccountName"] == app, "{app} runs under another account");
            for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
                ensure!(container["image"].as_str().unwrap_or_default() == format!("outrigger/{app}"), "{container}");
                let rights = &container["securityContext"];
                ensure!(
                    rights["readOnlyRootFilesystem"] == true && rights["capabilities"]["drop"][0] == "ALL",
                    "{app}: {rights}"
                );
                ensure!(container["volumeMounts"].is_null(), "{app} is given what the sidecar alone may hold");
                let asked = |probe: &str| container[probe]["httpGet"]["path"].as_str();
                ensure!((asked("livenessProbe"), asked("readinessProbe")) == (Some("/health"), Some("/ready")), "{app}");
            }
            for key in SAID {
                ensure!(!said(key).is_empty(), "{app} does not say dapr.io/{key}");
            }
            let spec = &pod["spec"];
            ensure!(spec["securityContext"]["runAsNonRoot"] == true && spec["automountServiceAccountToken"] == false, "{app}");
            for kind in ["Service", "ServiceAccount", "Configuration"] {
                ensure!(of_kind(&objects, kind).iter().any(|each| name(each) == app), "{app} has no {kind}");
            }
            seen.insert(app.to_owned());
        }
        ensure!(seen == apps, "{overlay} deploys {seen:?}, dapr.yaml has {apps:?}");
    }
    Ok(())
}

/// How many pods of a workload there may be at once. One app is updated at a time, but nobody promises it: one more of each.
pub(super) fn most(objects: &[Value], workload: &Value) -> f64 {
    let scaled = of_kind(objects, "HorizontalPodAutoscaler");
    let scaled = scaled.into_iter().find(|each| each["spec"]["scaleTargetRef"]["name"] == name(workload));
    let replicas = scaled.and_then(|each| each["spec"]["maxReplicas"].as_f64()).or(workload["spec"]["replicas"].as_f64());
    let updated = if workload["kind"] == "Deployment" { 1.0 } else { 0.0 };
    replicas.unwrap_or(1.0) + updated
}

/// What all pods ask for and may have, with everything at its largest, under the names that a quota has for it; and the quota itself.
pub(super) fn at_its_largest(objects: &[Value]) -> Result<BTreeMap<&'static str, (f64, f64)>> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    let mut add = |key: &'static str, text: Option<&str>, times: f64| -> Result<()> {
        let text = text.with_context(|| format!("a pod without {key}"))?;
        *sums.entry(key).or_default() += quantity(text)? * times;
        Ok(())
    };
    for kind in ["Deployment", "StatefulSet"] {
        for workload in of_kind(objects, kind) {
            let pod = &workload["spec"]["template"];
            let annotations = &pod["metadata"]["annotations"];
            let is_app = annotations["dapr.io/enabled"] == "true";
            let times = most(objects, workload);
            for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
                let resources = &container["resources"];
                add("requests.cpu", resources["requests"]["cpu"].as_str(), times)?;
                add("requests.memory", resources["requests"]["memory"].as_str(), times)?;
                add("limits.memory", resources["limits"]["memory"].as_str(), times)?;
            }
            if is_app {
                add("requests.cpu", annotations["dapr.io/sidecar-cpu-request"].as_str(), times)?;
                add("requests.memory", annotations["dapr.io/sidecar-memory-request"].as_str(), times)?;
                add("limits.memory", annotations["dapr.io/sidecar-memory-limit"].as_str(), times)?;
            }
        }
    }
    let quota = of_kind(objects, "ResourceQuota").into_iter().next().context("a quota")?;
    let hard = |key: &str| quantity(quota["spec"]["hard"][key].as_str().unwrap_or_default());
    // Thousandths add up to a little more than they are.
    sums.into_iter().map(|(key, sum)| Ok((key, ((sum * 1e3).round() / 1e3, hard(key)?)))).collect()
}

/// Everything at its largest: the namespace has room, wherever the machine is the free one.
#[test]
fn contract_the_suite_at_its_largest_fits_the_free_machine() -> Result<()> {
    for overlay in ["k8s/local", "k8s/local/kafka", "k8s/cloud", "k8s/staging"] {
        let objects = rendered(overlay)?;
        ensure!(of_kind(&objects, "HorizontalPodAutoscaler").len() >= 3, "what may grow");
        let sums = at_its_largest(&objects)?;
        ensure!(sums.len() == 3 && sums["requests.cpu"].1 <= 2.0, "{overlay}: {sums:?}");
        for (key, (sum, hard)) in sums {
            ensure!(sum <= hard, "{overlay}: {key}: {sum} of {hard}");
        }
    }
    Ok(())
}

/// Everything at its largest: PostgreSQL refuses no sidecar, which would end with it and start again.
#[test]
fn contract_every_sidecar_of_the_suite_at_its_largest_gets_its_connections() -> Result<()> {
    let objects = rendered("k8s/local")?;
    let mut sum = 0.0;
    for component in of_kind(&objects, "Component") {
        let metadata = component["spec"]["metadata"].as_array().cloned().unwrap_or_default();
        let Some(each) = metadata.iter().find(|item| item["name"] == "maxConns") else {
            ensure!(!component["spec"]["type"].to_string().contains("postgres"), "{}: no maxConns", name(component));
            continue;
        };
        let each: f64 = each["value"].as_str().context("a number")?.parse()?;
        let scopes = component["scopes"].as_array().context("scopes")?;
        let deployments = of_kind(&objects, "Deployment").into_iter();
        let users = deployments.filter(|deployment| scopes.iter().any(|scope| scope == name(deployment)));
        sum += users.map(|deployment| most(&objects, deployment) * each).sum::<f64>();
    }
    let server = of_kind(&objects, "StatefulSet").into_iter().find(|each| name(each) == "postgres").context("postgres")?;
    let arguments = server["spec"]["template"]["spec"]["containers"][0]["args"].as_array().context("args")?;
    let limit = arguments.iter().find_map(|each| each.as_str()?.strip_prefix("max_connections=")).context("max_connections")?;
    // Three are for the administrator.
    ensure!(sum > 100.0 && sum <= limit.parse::<f64>()? - 3.0, "{sum} of {limit}");
    Ok(())
}

#[test]
fn contract_another_broker_changes_no_app() -> Result<()> {
    let (redis, kafka) = (rendered("k8s/local")?, rendered("k8s/local/kafka")?);
    for kind in ["Deployment", "StatefulSet", "Service", "ConfigMap", "Configuration", "Subscription", "Resiliency"] {
        ensure!(of_kind(&redis, kind) == of_kind(&kafka, kind), "{kind} is not the same for both brokers");
    }
    let types = |objects: &[Value]| -> BTreeMap<String, Value> {
        of_kind(objects, "Component").into_iter().map(|each| (name(each).to_owned(), each["spec"]["type"].clone())).collect()
    };
    let (redis, kafka) = (types(&redis), types(&kafka));
    ensure!(redis.keys().eq(kafka.keys()), "the same components in both");
    let differ: Vec<&str> = redis.iter().filter(|(key, kind)| kafka[*key] != **kind).map(|(key, _)| key.as_str()).collect();
    ensure!(differ == ["pubsub", "pubsub-fanout"], "{differ:?}");
    Ok(())
}

/// A sidecar reads these when it starts, and its app is never ready without them (`no resiliency named outrigger-resiliency`).
#[test]
fn contract_what_a_sidecar_reads_is_there_before_its_pod() -> Result<()> {
    for overlay in ["k8s/local", "k8s/local/kafka", "k8s/cloud", "k8s/staging", "k8s/production"] {
        let objects = rendered(overlay)?;
        let place = |kind: &str| objects.iter().rposition(|object| object["kind"] == kind).with_context(|| kind.to_owned());
        let first = objects.iter().position(|object| object["kind"] == "Deployment").context("a deployment")?;
        for kind in ["Component", "ConfigMap", "Configuration", "Resiliency", "RoleBinding", "ServiceAccount", "Subscription"] {
            ensure!(place(kind)? < first, "{overlay}: a {kind} comes after a Deployment");
        }
    }
    Ok(())
}

/// Strimzi makes what the launcher makes on one machine: every topic of the suite, as many partitions, news for as short a time.
#[test]
fn contract_the_topics_of_the_manifests_are_those_of_the_suite() -> Result<()> {
    let objects = rendered("k8s/kafka")?;
    let topics: BTreeMap<&str, &Value> =
        of_kind(&objects, "KafkaTopic").into_iter().map(|each| (name(each), &each["spec"])).collect();
    let all = contracts::topic::ALL.iter().flat_map(|topic| [(*topic).to_owned(), contracts::topic::dead_letters_of(topic)]);
    let wanted: BTreeSet<String> = all.collect();
    ensure!(topics.keys().map(|topic| (*topic).to_owned()).collect::<BTreeSet<_>>() == wanted, "{:?}", topics.keys());
    for (topic, spec) in &topics {
        ensure!(spec["partitions"] == 12 && spec["replicas"] == 2, "{topic}: {spec}");
        let news = contracts::topic::component(topic) == contracts::topic::FANOUT;
        let kept = contracts::topic::NEWS_KEPT.as_millis();
        ensure!(!news || spec["config"]["retention.ms"] == json!(u64::try_from(kept)?), "{topic}: {spec}");
    }
    let kafka = of_kind(&objects, "Kafka").into_iter().next().context("a Kafka")?;
    ensure!(kafka["spec"]["kafka"]["config"]["auto.create.topics.enable"] == false, "{kafka}");
    Ok(())
}

/// What Docker builds holds nothing that could be read out of it: neither a shell, nor a library, nor a file beside the program. What is secret
/// on a developer's machine is not even sent to the builder.
#[test]
fn contract_an_image_is_one_program_and_nothing_else() -> Result<()> {
    let dockerfile = std::fs::read_to_string(root()?.join("Dockerfile"))?.replace("\\\n", " ");
    let last = dockerfile.rsplit("\nFROM ").next().context("a stage")?;
    let mut lines = last.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    ensure!(lines.next() == Some("scratch"), "the last stage begins with {last:?}");
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("ARG ") && !line.starts_with("LABEL ")).collect();
    ensure!(lines == ["COPY --from=build /programs/$APP /app", "USER 65532:65532", "ENTRYPOINT [\"/app\"]"], "{lines:?}");
    let ignored = std::fs::read_to_string(root()?.join(".dockerignore"))?;
    for folder in [".git", ".run", "target"] {
        ensure!(ignored.lines().any(|line| line == folder), "{folder} is sent to the builder");
    }
    Ok(())
}
