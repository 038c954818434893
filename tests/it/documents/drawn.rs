//! What documents draw and show: the diagrams of the map, the verdict in the quickstart, the table of secrets.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use contracts::Topic;
use contracts::message::{MessageEvent, RealtimeEvent};
use contracts::reminder::ReminderEvent;
use contracts::task::TaskEvent;
use contracts::topic::{ALL, PROBES, dead_letters_of};
use contracts::update::UpdateEvent;
use contracts::user::UserEvent;
use serde_json::Value;

use super::document;
use crate::cluster::{documents, name, of_kind, rendered};
use crate::workspace::{files, root};

/// From one label to another.
type Edges = BTreeSet<(String, String)>;

/// A diagram of boxes and arrows: `id["label"]`, and `a & b --> c` in any number of steps.
#[derive(Debug)]
struct Diagram {
    /// What stands in each box; several names are joined by commas.
    labels: BTreeMap<String, String>,
    edges: BTreeSet<(String, String)>,
}

impl Diagram {
    fn read(text: &str) -> Result<Self> {
        let mut diagram = Self { labels: BTreeMap::new(), edges: BTreeSet::new() };
        for line in text.lines().map(str::trim) {
            let skipped = ["flowchart ", "subgraph ", "end", "%%", "direction "];
            if line.is_empty() || skipped.iter().any(|word| line == word.trim() || line.starts_with(word)) {
                continue;
            }
            let mut from: Vec<String> = Vec::new();
            for step in arrows(line) {
                let boxes = step.split(" & ").map(|each| diagram.take(each.trim())).collect::<Result<Vec<_>>>()?;
                for (one, other) in from.iter().flat_map(|one| boxes.iter().map(move |other| (one, other))) {
                    diagram.edges.insert((one.clone(), other.clone()));
                }
                from = boxes;
            }
        }
        Ok(diagram)
    }

    /// Notes the label of a box, if it is said here, and gives its id.
    fn take(&mut self, text: &str) -> Result<String> {
        let end =
            text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')).unwrap_or(text.len());
        let (id, label) = text.split_at(end);
        ensure!(!id.is_empty(), "no name in {text:?}");
        if !label.is_empty() {
            let label = label.split('"').nth(1).with_context(|| format!("no label in quotes: {text}"))?;
            self.labels.insert(id.to_owned(), label.to_owned());
        }
        Ok(id.to_owned())
    }

    /// What is in a box: the names of its first line.
    fn names(&self, id: &str) -> Vec<String> {
        let label = self.labels.get(id).map_or(id, String::as_str);
        label.split("<br/>").next().unwrap_or_default().split(", ").map(str::to_owned).collect()
    }

    /// Every box that has a label or an arrow.
    fn boxes(&self) -> BTreeSet<&str> {
        self.labels
            .keys()
            .map(String::as_str)
            .chain(self.edges.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]))
            .collect()
    }

    /// By names and not by boxes.
    fn between(&self) -> Edges {
        let pairs = self.edges.iter().flat_map(|(from, to)| {
            let to = self.names(to);
            self.names(from).into_iter().flat_map(move |from| to.clone().into_iter().map(move |to| (from.clone(), to)))
        });
        pairs.collect()
    }
}

/// The parts of a line between its arrows, `-->`, `-.->` and `-- words -->`.
fn arrows(line: &str) -> Vec<String> {
    let line = line.replace("-.->", "-->").replace("<-->", "-->");
    let parts: Vec<&str> = line.split("-->").collect();
    parts.iter().map(|part| part.split(" -- ").next().unwrap_or_default().trim().to_owned()).collect()
}

fn diagrams() -> Result<Vec<Diagram>> {
    document("ARCHITECTURE.md")?.blocks("mermaid").iter().map(|text| Diagram::read(text)).collect()
}

fn apps() -> Result<BTreeSet<String>> {
    let suite: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(root()?.join("dapr.yaml"))?)?;
    Ok(suite["apps"].as_array().context("apps")?.iter().filter_map(|app| Some(app["appID"].as_str()?.to_owned())).collect())
}

/// Who hears what, as the manifests declare it; each app says the same of itself, which another test compares.
fn heard() -> Result<Edges> {
    let text = std::fs::read_to_string(root()?.join("k8s/base/dapr-subscriptions.yaml"))?;
    let mut edges = Edges::new();
    for subscription in documents::<Value>(&text)? {
        let topic = subscription["spec"]["topic"].as_str().context("a topic")?;
        let apps = subscription["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        edges.extend(apps.map(|app| (topic.to_owned(), app.to_owned())));
    }
    Ok(edges)
}

/// Who says what: an app whose source makes outbox rows in a file says the topics of the events that this file names.
fn said() -> Result<Edges> {
    let topics = [
        ("TaskEvent::", TaskEvent::TOPIC),
        ("ReminderEvent::", ReminderEvent::TOPIC),
        ("UserEvent::", UserEvent::TOPIC),
        ("MessageEvent::", MessageEvent::TOPIC),
        ("RealtimeEvent::", RealtimeEvent::TOPIC),
        ("UpdateEvent::", UpdateEvent::TOPIC),
    ];
    let known: BTreeSet<&str> = topics.iter().map(|(_, topic)| *topic).chain([PROBES]).collect();
    ensure!(known == BTreeSet::from(ALL), "an event of a topic is not known here: {known:?}");
    let mut edges = Edges::new();
    for app in apps()? {
        for source in files(&root()?.join("apps").join(&app).join("src"), ".rs")? {
            let text = std::fs::read_to_string(&source)?;
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let makes = text.lines().any(|line| line.starts_with("use service::event::") && line.contains("row"))
                && text.contains("row(");
            edges.extend(
                topics
                    .iter()
                    .filter(|(event, _)| makes && text.contains(event))
                    .map(|(_, topic)| (app.clone(), (*topic).to_owned())),
            );
        }
    }
    Ok(edges)
}

/// Tried: an app's name misspelt, an app left out, a topic more, one less, an arrow turned, one left out to an app and one from an app, one more from an
/// app and one more to an app, `user-events-dlq` left out; in the code a publisher more and one less, and in the manifests a scope more.
#[test]
fn contract_the_map_draws_who_publishes_and_who_hears_each_topic() -> Result<()> {
    let all = diagrams()?;
    let diagram = all.first().context("a diagram of the topics")?;
    let (apps, heard, said) = (apps()?, heard()?, said()?);
    ensure!(heard.len() > 10 && said.len() > 4, "{heard:?} {said:?}");
    let letters = ALL
        .iter()
        .filter(|topic| heard.iter().any(|(heard, _)| *heard == dead_letters_of(topic)))
        .map(|topic| dead_letters_of(topic));
    let topics: BTreeSet<String> = ALL.iter().map(|topic| (*topic).to_owned()).chain(letters).collect();
    // A box of an app has its app id for its own; a topic may be called as an app is.
    let (of_apps, of_topics): (Vec<&str>, Vec<&str>) =
        diagram.boxes().into_iter().partition(|id| !diagram.labels.contains_key(*id));
    let drawn: BTreeSet<String> = of_apps.iter().map(|id| (*id).to_owned()).collect();
    // Those that neither publish nor hear stand in one box.
    let (silent, of_topics): (Vec<&str>, Vec<&str>) = of_topics.into_iter().partition(|id| *id == "silent");
    let drawn: BTreeSet<String> = drawn.into_iter().chain(silent.iter().flat_map(|id| diagram.names(id))).collect();
    ensure!(drawn == apps, "drawn are {drawn:?}, and there are {apps:?}");
    let drawn: BTreeSet<String> = of_topics.iter().flat_map(|id| diagram.names(id)).collect();
    ensure!(drawn == topics, "drawn are {drawn:?}, and there are {topics:?}");
    let (mut to_apps, mut from_apps) = (Edges::new(), Edges::new());
    for (from, to) in &diagram.edges {
        let (from_app, to_app) = (apps.contains(from), apps.contains(to));
        ensure!(from_app != to_app, "{from} --> {to} is no way of an event");
        let edges = if to_app { &mut to_apps } else { &mut from_apps };
        edges.extend(diagram.names(from).iter().flat_map(|from| diagram.names(to).into_iter().map(move |to| (from.clone(), to))));
    }
    let differ = |one: &Edges, other: &Edges| one.symmetric_difference(other).cloned().collect::<Vec<_>>();
    ensure!(to_apps == heard, "who hears what is otherwise: {:?}", differ(&to_apps, &heard));
    ensure!(from_apps == said, "who publishes what is otherwise: {:?}", differ(&from_apps, &said));
    Ok(())
}

/// Where the ingress of a place sends requests to.
fn behind_the_ingress(folder: &str) -> Result<BTreeSet<String>> {
    let objects = rendered(folder)?;
    let rules = of_kind(&objects, "Ingress").into_iter().find(|each| name(each) == "outrigger").context("an ingress")?;
    let paths = rules["spec"]["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    Ok(paths.filter_map(|path| Some(path["backend"]["service"]["name"].as_str()?.to_owned())).collect())
}

/// Names in the second diagram are app ids, what runs in the namespace on a laptop, parts of Dapr, or one of these words. Tried: `postgresql` for
/// `postgres`, `daprs`, `gatway`, the arrow from the ingress to realtime left out, one to web added, that to redis left out, a component left
/// out, one misspelt, one more, the backend in k8s/cloud/ingress.yaml changed.
#[test]
fn contract_the_map_draws_a_deployment_that_there_is() -> Result<()> {
    let all = diagrams()?;
    let [_, diagram] = &all[..] else { anyhow::bail!("{} diagrams", all.len()) };
    let objects = rendered("k8s/local")?;
    let mut known = apps()?;
    for kind in ["Deployment", "StatefulSet", "Ingress"] {
        known.extend(of_kind(&objects, kind).into_iter().map(|each| name(each).to_owned()));
    }
    known.extend(
        ["browser", "daprd", "kafka", "dapr-sidecar-injector", "dapr-sentry", "dapr-operator", "secrets"].map(str::to_owned),
    );
    for id in diagram.boxes() {
        for name in diagram.names(id) {
            ensure!(known.contains(&name), "{name} is drawn and not deployed");
        }
    }
    let entered: BTreeSet<String> =
        diagram.between().into_iter().filter(|(from, _)| from == "outrigger").map(|(_, to)| to).collect();
    for place in ["k8s/local", "k8s/cloud"] {
        let behind = behind_the_ingress(place)?;
        ensure!(entered == behind, "drawn behind the ingress are {entered:?}, and in {place} are {behind:?}");
    }
    let servers: BTreeSet<String> = of_kind(&objects, "StatefulSet").into_iter().map(|each| name(each).to_owned()).collect();
    let reached: BTreeSet<String> = diagram.between().into_iter().filter(|(from, _)| from == "daprd").map(|(_, to)| to).collect();
    ensure!(servers.is_subset(&reached), "sidecars reach {reached:?}, and there are {servers:?}");
    // Under each server, and under the sidecar itself: the components.
    let components: BTreeSet<String> = of_kind(&objects, "Component").into_iter().map(|each| name(each).to_owned()).collect();
    let of_sidecar = diagram.edges.iter().filter(|(from, to)| from == "daprd" && to != "others").map(|(_, to)| to.as_str());
    let mut drawn = BTreeSet::new();
    for label in of_sidecar.chain(["daprd"]).filter_map(|id| diagram.labels.get(id)) {
        for name in label.split("<br/>").nth(1).into_iter().flat_map(|line| line.split(", ")) {
            match name.strip_suffix('*') {
                Some(prefix) => drawn.extend(components.iter().filter(|each| each.starts_with(prefix)).cloned()),
                None => drawn.extend([name.to_owned()]),
            }
        }
    }
    ensure!(drawn == components, "drawn are the components {drawn:?}, and there are {components:?}");
    Ok(())
}

/// `16 pods` and `$count pods` alike.
fn shape(words: &str) -> String {
    let words = words.replace("${#APPS[@]}", "0").replace("$count", "0");
    let mut shape = String::new();
    for letter in words.chars() {
        let letter = if letter.is_ascii_digit() { '0' } else { letter };
        if letter != '0' || !shape.ends_with('0') {
            shape.push(letter);
        }
    }
    shape
}

/// Tried: a line of the sample left out, two swapped, a word of one changed, 8 services, a check more in the script, one less, its last words changed.
#[test]
fn contract_the_quickstart_shows_what_the_validation_says() -> Result<()> {
    let script = std::fs::read_to_string(root()?.join("scripts/validate-deployment.sh"))?;
    // `look pods` alone in a line is done, in this order, and its words stand in `look_at_pods`; with `--url` one more. The story comes last.
    let mut wanted = Vec::new();
    for check in script.lines().filter_map(|line| line.strip_prefix("look ")) {
        let (_, function) =
            script.split_once(&format!("look_at_{check}() {{\n")).with_context(|| format!("no look_at_{check}"))?;
        let said = function.lines().take_while(|line| *line != "}").find_map(|line| line.trim().strip_prefix("words=\""));
        wanted.push((check, said.with_context(|| format!("{check} says nothing"))?.trim_end_matches('"')));
    }
    let told = script.lines().find_map(|line| line.trim().strip_prefix("verdict story ok \""));
    wanted.push(("story", told.context("the story says nothing")?.trim_end_matches('"')));
    let mut wanted: Vec<_> = wanted.into_iter().map(|(check, said)| shape(&format!("{:<4}  {check:<12} {said}", "ok"))).collect();
    ensure!(wanted.len() >= 5 && script.contains("printf '%-4s  %-12s %s\\n'"), "{wanted:?}");
    let last = script.lines().rev().find_map(|line| line.trim().strip_prefix("say \"")).context("last words")?;
    wanted.push(last.trim_end_matches('"').to_owned());
    let quickstart = document("docs/quickstart.md")?.text;
    let shown = quickstart.lines().filter_map(|line| line.strip_prefix("    ")).map(shape).collect::<Vec<_>>();
    ensure!(shown == wanted, "the quickstart shows {shown:#?}, and the script says {wanted:#?}");
    let services = format!("{} services", apps()?.len());
    ensure!(quickstart.contains(&services), "the sample is not of {services}");
    Ok(())
}

/// Every secret that somebody may read stands in the table with its readers. Tried: a row left out, that of `<app>` too, a reader left out,
/// one more, a reader more in the manifest.
#[test]
fn contract_the_document_says_who_reads_each_secret() -> Result<()> {
    let (apps, text) = (apps()?, std::fs::read_to_string(root()?.join("k8s/base/secret-readers.yaml"))?);
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let objects: Vec<Value> = documents(&text)?;
    // A broker's is a difference between places.
    let kafka = rendered("k8s/cloud")?;
    let of_kafka = of_kind(&kafka, "RoleBinding").into_iter().filter(|each| name(each) == "read-outrigger-kafka");
    for binding in of_kind(&objects, "RoleBinding").into_iter().chain(of_kafka) {
        let secret = name(binding).strip_prefix("read-").context("a name")?;
        let readers = binding["subjects"].as_array().into_iter().flatten().map(|subject| name_of(subject).to_owned());
        wanted.insert(secret.to_owned(), readers.collect());
    }
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in document("docs/DEPLOYMENT.md")?.text.lines().filter(|line| line.starts_with("| `outrigger-")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [names, _, readers, ..] = &cells[..] else { anyhow::bail!("{line}") };
        for secret in names.split('`').skip(1).step_by(2) {
            let each = secret.replace("<app>", "<each>").replace("<role>", "<each>");
            if let Some(prefix) = each.strip_suffix("<each>") {
                ensure!(*readers == "the app of its name", "{line}");
                let own = wanted.keys().filter_map(|key| key.strip_prefix(prefix)).filter(|app| apps.contains(*app));
                shown.extend(own.map(|app| (format!("{prefix}{app}"), BTreeSet::from([app.to_owned()]))));
            } else {
                let readers = if *readers == "every app but web" {
                    apps.iter().filter(|app| *app != "web").cloned().collect()
                } else {
                    readers.split(", ").map(str::to_owned).collect()
                };
                shown.insert(secret.to_owned(), readers);
            }
        }
    }
    ensure!(shown == wanted, "the table says {shown:#?}, and the manifests {wanted:#?}");
    Ok(())
}

fn name_of(subject: &Value) -> &str {
    subject["name"].as_str().unwrap_or_default()
}
