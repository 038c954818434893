//! Who may talk to whom: one table, computed from the policies that are rendered, and asked of a network that enforces them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::cluster::{kubectl, objects};
use tests::eventually;
use tests::suite::variable;

use super::tools::{fed, stream};
use super::{name, of_kind, rendered};

const APPS: [&str; 10] =
    ["audit", "gateway", "identity", "messaging", "notifications", "realtime", "recurrence", "reminders", "tasks", "web"];
/// All that somebody listens on, and DNS, the app's own doors of a sidecar, Kafka and mail beside it.
const PORTS: [u64; 18] =
    [53, 443, 587, 1025, 3500, 3501, 5432, 6379, 6443, 7100, 8025, 8089, 9090, 9092, 9093, 9411, 50001, 50002];

/// An image with busybox and curl, where the network of the cluster enforces policies.
const IMAGE: &str = "OUTRIGGER_POLICIES";
/// What tells the pods of this story from all others.
const STAND_IN: &str = "outrigger.dev/stand-in";
/// The engine looks at every pod again for each that comes.
const ENFORCED: Duration = Duration::from_secs(40);

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

/// Everybody: the workloads of an overlay, who may come to its namespace, and who is elsewhere.
fn parties(objects: &[Value]) -> Vec<Party> {
    let workloads = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| of_kind(objects, kind));
    let mut parties: Vec<Party> = workloads.map(Party::of).collect();
    parties.push(Party::new("solver", "outrigger", &[("acme.cert-manager.io/http01-solver", "true")]));
    parties.push(Party::new("newcomer", "outrigger", &[]));
    parties.push(Party::new("monitoring", "monitoring", &[]));
    parties.push(Party::new("dapr", "dapr-system", &[]));
    parties.push(Party::new("dns", "kube-system", &[]));
    // It says that it belongs to the suite, from another namespace.
    parties.push(Party::new("stranger", "default", &[("dapr.io/sidecar-injected", "true"), ("dapr.io/app-id", "gateway")]));
    parties
}

/// Each pair that is asked about: of two others it is none.
fn pairs(parties: &[Party]) -> impl Iterator<Item = (&Party, &Party)> {
    let all = parties.iter().flat_map(|from| parties.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| from.name != to.name && [from, to].iter().any(|party| party.namespace == "outrigger"))
}

fn compare(what: &str, may: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Result<()> {
    let (more, less): (Vec<_>, Vec<_>) = (may.difference(wanted).collect(), wanted.difference(may).collect());
    ensure!(more.is_empty() && less.is_empty(), "{what}: allowed beyond the table {more:#?}, refused against it {less:#?}");
    Ok(())
}

/// Computed from each overlay. That one policy speaks of one direction is for the engine of k3s: see the file.
///
/// Seen red: `tasks` added to `front-door`; `nothing-else` without `Ingress`; without the port of `sidecars`; `from` taken out of `servers`.
#[test]
fn contract_nothing_may_talk_to_anything_but_what_the_table_says() -> Result<()> {
    for overlay in ["k8s/local", "k8s/local/kafka"] {
        let objects = rendered(overlay)?;
        let policies = of_kind(&objects, "NetworkPolicy");
        for policy in &policies {
            let spec = &policy["spec"];
            ensure!(spec["ingress"].is_null() || spec["egress"].is_null(), "{overlay}: {} speaks of both", name(policy));
            let both = spec["policyTypes"].as_array().is_some_and(|types| types.len() > 1);
            let rules = !spec["ingress"].is_null() || !spec["egress"].is_null();
            ensure!(!both || !rules, "{overlay}: {} is about both", name(policy));
        }
        let parties = parties(&objects);
        let mut may = BTreeSet::new();
        for (from, to) in pairs(&parties) {
            for port in PORTS {
                if lets(&policies, "Egress", from, to, port)? && lets(&policies, "Ingress", to, from, port)? {
                    may.insert(format!("{} {} {port}", from.name, to.name));
                }
            }
        }
        compare(overlay, &may, &wanted(&parties))?;
    }
    Ok(())
}

impl Party {
    /// A pod that bears its labels and answers at every port. It is never ready, so that no service leads anybody to it.
    fn stand_in(&self, image: &str) -> Value {
        let mut labels = self.labels.clone();
        labels.insert(STAND_IN.to_owned(), self.name.clone());
        let ports = PORTS.map(|port| port.to_string()).join(" ");
        let serve = format!("for port in {ports}; do busybox httpd -p $port -h /etc; done; exec sleep infinity");
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": format!("stand-in-{}", self.name), "namespace": self.namespace, "labels": labels },
            "spec": {
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": 0,
                "readinessGates": [{ "conditionType": "outrigger.dev/never" }],
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": { "type": "RuntimeDefault" },
                    "sysctls": [{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }],
                },
                "containers": [{
                    "name": "shell", "image": image, "command": ["sh", "-c", serve],
                    "resources": { "requests": { "cpu": "1m", "memory": "8Mi" }, "limits": { "memory": "64Mi" } },
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
                    },
                }],
            },
        })
    }

    /// Which addresses and ports answer a request of its stand-in. One that is refused or dropped does not, nor does one that nobody listens at.
    async fn reaches(&self, addresses: &[&str]) -> Result<BTreeSet<(String, u64)>> {
        let ports = PORTS.map(|port| port.to_string()).join(",");
        let urls = format!("http://{{{}}}:{{{ports}}}/hostname", addresses.join(","));
        let ask = "curl --silent --parallel --parallel-max 200 --connect-timeout 3 --max-time 6 --output /dev/null \
                   --write-out '%{http_code} %{url}\\n' \"$1\"; nslookup -type=a kubernetes.default.svc.cluster.local. >/dev/null";
        let pod = format!("stand-in-{}", self.name);
        let said = kubectl(&["exec", "--namespace", self.namespace, &pod, "--", "sh", "-c", ask, "ask", &urls]).await;
        let said = said.context("it found no name")?;
        let answered = said.lines().filter_map(|line| line.strip_prefix("200 http://")?.strip_suffix("/hostname"));
        answered
            .map(|place| place.split_once(':').map(|(to, port)| Ok((to.to_owned(), port.parse()?))).context("a port")?)
            .collect()
    }
}

/// Each pair and port that is open, by the stand-ins' own word.
async fn open(parties: &[Party]) -> Result<BTreeSet<String>> {
    let pods = objects(&["pods", "--all-namespaces", "--selector", STAND_IN]).await?;
    let addresses: BTreeMap<&str, &str> = pods["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pod| Some((pod["metadata"]["labels"][STAND_IN].as_str()?, pod["status"]["podIP"].as_str()?)))
        .collect();
    let address = |party: &Party| addresses.get(&*party.name).copied().with_context(|| format!("{} has no address", party.name));
    let all = try_join_all(parties.iter().map(async |from| {
        let others: Vec<&Party> = pairs(parties).filter(|(one, _)| one.name == from.name).map(|(_, to)| to).collect();
        // Itself first: a port that does not even answer there would look like one that is refused.
        let asked = [from].into_iter().chain(others.iter().copied()).map(address).collect::<Result<Vec<_>>>()?;
        let answers = from.reaches(&asked).await.with_context(|| from.name.clone())?;
        let own = answers.iter().filter(|(to, _)| *to == asked[0]).count();
        ensure!(own == PORTS.len(), "{} answers itself at {own} ports", from.name);
        let name = |to: &str| others.iter().find(|other| address(other).is_ok_and(|address| address == to));
        let open = answers.iter().filter_map(|(to, port)| Some(format!("{} {} {port}", from.name, name(to)?.name)));
        Ok(open.collect::<Vec<_>>())
    }))
    .await?;
    Ok(all.into_iter().flatten().collect())
}

/// The labels of stand-ins are those of what runs.
async fn bear_the_labels_of_what_runs(parties: &[Party]) -> Result<()> {
    let pods = objects(&["pods"]).await?;
    let pods = pods["items"].as_array().context("pods")?;
    for party in parties.iter().filter(|party| party.labels.contains_key("app.kubernetes.io/name")) {
        let bears = |pod: &&Value| party.labels.iter().all(|(key, value)| pod["metadata"]["labels"][key] == **value);
        ensure!(pods.iter().any(|pod| bears(&pod)), "no pod bears the labels of {}: {:?}", party.name, party.labels);
    }
    Ok(())
}

/// Asked for real, in the namespace where the suite runs: each party's stand-in asks each other's at each port.
#[tokio::test]
async fn cluster_nothing_talks_to_anything_but_what_the_table_says() -> Result<()> {
    // scripts/test.sh says that it is skipped.
    let Some(image) = variable(IMAGE) else { return Ok(()) };
    let parties = parties(&rendered("k8s/local")?);
    bear_the_labels_of_what_runs(&parties).await?;
    let mut all: Vec<Value> = parties.iter().map(|party| party.stand_in(&image)).collect();
    if kubectl(&["get", "namespace", "monitoring", "--ignore-not-found", "-o", "name"]).await?.is_empty() {
        all.insert(0, json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "monitoring" } }));
    }
    let all = stream(&all);
    let seen = async {
        fed("kubectl", &["apply", "--server-side", "-f", "-"], &all).await?;
        eventually("every stand-in runs", ENFORCED, async || {
            let pods = objects(&["pods", "--all-namespaces", "--selector", STAND_IN]).await?;
            let pods = pods["items"].as_array().context("pods")?;
            let running = pods.iter().filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true).count();
            ensure!(running == parties.len(), "{running} of {}", parties.len());
            Ok(Some(()))
        })
        .await?;
        let wanted = wanted(&parties);
        eventually("the network lets through what the table says", ENFORCED, async || {
            compare("the network", &open(&parties).await?, &wanted).map(Some)
        })
        .await
    }
    .await;
    let gone = fed("kubectl", &["delete", "--ignore-not-found", "--timeout=60s", "-f", "-"], &all).await;
    seen.and(gone.map(drop))
}
