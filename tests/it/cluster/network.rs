//! Who may talk to whom: computed from the policies that are rendered, as a network that enforces them would.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{name, of_kind, rendered};

const APPS: [&str; 9] = ["audit", "gateway", "identity", "notifications", "realtime", "recurrence", "reminders", "tasks", "web"];
/// All that somebody listens on, and DNS, the app's own doors of a sidecar, Kafka and mail beside it.
const PORTS: [u64; 18] =
    [53, 443, 587, 1025, 3500, 3501, 5432, 6379, 6443, 7100, 8025, 8089, 9090, 9092, 9093, 9411, 50001, 50002];

/// Somebody who calls or is called.
struct Party {
    name: String,
    namespace: &'static str,
    labels: BTreeMap<String, String>,
}

impl Party {
    fn new(name: &str, namespace: &'static str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), namespace, labels }
    }

    /// A pod of a workload, as the injector leaves it.
    fn of(workload: &Value) -> Self {
        let pod = &workload["spec"]["template"]["metadata"];
        let mut party = Self::new(name(workload), "outrigger", &[]);
        let labels = pod["labels"].as_object().into_iter().flatten();
        party.labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        if pod["annotations"]["dapr.io/enabled"] == "true" {
            let id = pod["annotations"]["dapr.io/app-id"].as_str().unwrap_or_default();
            party.labels.insert("dapr.io/sidecar-injected".to_owned(), "true".to_owned());
            party.labels.insert("dapr.io/app-id".to_owned(), id.to_owned());
        }
        party
    }
}

/// Of a selector; an empty one is everybody's.
fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> Result<bool> {
    let mut wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let mut all = wanted.all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    for each in selector["matchExpressions"].as_array().into_iter().flatten() {
        ensure!(each["operator"] == "In", "{each}");
        let mut values = each["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let label = each["key"].as_str().and_then(|key| labels.get(key));
        all = all && label.is_some_and(|label| values.any(|value| value == label));
    }
    Ok(all)
}

fn is_peer(peer: &Value, other: &Party) -> Result<bool> {
    if !peer["ipBlock"].is_null() {
        bail!("a block of addresses: {peer}");
    }
    let space = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), other.namespace.to_owned())]);
    let here = match &peer["namespaceSelector"] {
        Value::Null => other.namespace == "outrigger",
        selector => selects(selector, &space)?,
    };
    Ok(here && (peer["podSelector"].is_null() || selects(&peer["podSelector"], &other.labels)?))
}

/// Whether the policies on `of` let it talk to (`Egress`) or be talked to by (`Ingress`) `other`.
fn lets(policies: &[&Value], direction: &str, of: &Party, other: &Party, port: u64) -> Result<bool> {
    // Somebody of another namespace has policies of their own.
    if of.namespace != "outrigger" {
        return Ok(true);
    }
    let (rules, peers) = if direction == "Egress" { ("egress", "to") } else { ("ingress", "from") };
    let mut free = true;
    for policy in policies {
        let spec = &policy["spec"];
        let types = spec["policyTypes"].as_array().context("policyTypes")?;
        if !types.iter().any(|each| each == direction) || !selects(&spec["podSelector"], &of.labels)? {
            continue;
        }
        free = false;
        for rule in spec[rules].as_array().into_iter().flatten() {
            let mut fits = rule[peers].is_null();
            for peer in rule[peers].as_array().into_iter().flatten() {
                fits = fits || is_peer(peer, other)?;
            }
            let ports = rule["ports"].as_array();
            if fits && ports.is_none_or(|ports| ports.iter().any(|each| each["port"] == port)) {
                return Ok(true);
            }
        }
    }
    Ok(free)
}

/// The table: `who whom port`, where a word stands for several.
fn wanted(parties: &[Party]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let inside: Vec<&str> = parties.iter().filter(|party| party.namespace == "outrigger").map(|party| &*party.name).collect();
    let outside = ["monitoring", "dapr", "dns", "stranger"];
    let mut add = |from: &[&str], to: &[&str], ports: &[u64]| {
        for from in from {
            for to in to.iter().filter(|to| *to != from) {
                all.extend(ports.iter().map(|port| format!("{from} {to} {port}")));
            }
        }
    };
    // Apps reach each other through their sidecars alone, and what runs for them here.
    add(&APPS, &APPS, &[50002]);
    add(&APPS, &["zipkin"], &[9411]);
    add(&APPS, &["redis"], &[6379]);
    add(&APPS, &["postgres", "mailbox"], &[443, 587, 5432, 6379, 6443, 9092, 9093]);
    add(&["notifications"], &["mailbox"], &[1025, 8025]);
    // Names, Dapr's control plane, and servers wherever they are.
    add(&inside, &["dns"], &[53]);
    add(&APPS, &["dapr"], &PORTS);
    add(&APPS, &outside, &[443, 587, 5432, 6379, 6443, 9092, 9093]);
    // Whoever comes from elsewhere finds the door, and the authority its answer; scrapes find what is counted.
    add(&outside, &["gateway", "realtime"], &[7100]);
    add(&outside, &["solver"], &[8089]);
    add(&["monitoring"], &APPS, &[7100, 9090]);
    // Grafana reads the traces.
    add(&["monitoring"], &["zipkin"], &[9411]);
    all
}

/// Computed, not enforced: the tests' cluster has no network that refuses.
///
/// Seen red: `tasks` added to `front-door`; `nothing-else` without `Ingress`; without the port of `sidecars`; `from` taken out of `servers`.
#[test]
fn contract_nothing_may_talk_to_anything_but_what_the_table_says() -> Result<()> {
    for overlay in ["k8s/local", "k8s/local/kafka"] {
        let objects = rendered(overlay)?;
        let policies = of_kind(&objects, "NetworkPolicy");
        let workloads = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| of_kind(&objects, kind));
        let mut parties: Vec<Party> = workloads.map(Party::of).collect();
        parties.push(Party::new("solver", "outrigger", &[("acme.cert-manager.io/http01-solver", "true")]));
        parties.push(Party::new("newcomer", "outrigger", &[]));
        parties.push(Party::new("monitoring", "monitoring", &[]));
        parties.push(Party::new("dapr", "dapr-system", &[]));
        parties.push(Party::new("dns", "kube-system", &[]));
        // It says that it belongs to the suite, from another namespace.
        parties.push(Party::new("stranger", "default", &[("dapr.io/sidecar-injected", "true"), ("dapr.io/app-id", "gateway")]));
        let mut may = BTreeSet::new();
        for from in &parties {
            for to in parties.iter().filter(|to| to.name != from.name) {
                // Between two others this is not asked.
                if from.namespace != "outrigger" && to.namespace != "outrigger" {
                    continue;
                }
                for port in PORTS {
                    if lets(&policies, "Egress", from, to, port)? && lets(&policies, "Ingress", to, from, port)? {
                        may.insert(format!("{} {} {port}", from.name, to.name));
                    }
                }
            }
        }
        let wanted = wanted(&parties);
        let (more, less): (Vec<_>, Vec<_>) = (may.difference(&wanted).collect(), wanted.difference(&may).collect());
        ensure!(
            more.is_empty() && less.is_empty(),
            "{overlay}: allowed beyond the table {more:#?}, refused against it {less:#?}"
        );
    }
    Ok(())
}
