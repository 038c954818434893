//! From a laptop to the cloud, to staging, to production: the same objects, and the values of the place.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::shape::{apps, at_its_largest};
use super::{name, of_kind, rendered};
use crate::workflows::targets;
use crate::workspace::root;

/// Every place, in the order in which a commit comes there, and how much of what happens there is traced.
const PLACES: [(&str, &str); 4] = [("k8s/local", "1"), ("k8s/cloud", "0.1"), ("k8s/staging", "1"), ("k8s/production", "0.1")];
/// What a sidecar asks for is said where its pod says it.
const SIDECAR: [&str; 3] = ["sidecar-cpu-request", "sidecar-memory-request", "sidecar-memory-limit"];

/// The values of a place that are not those of the cloud: of which kind of object, named how (all without a name), where, and why. Nothing
/// else may differ, and a row that hides nothing fails.
const VALUES: [(&str, &str, &str, &str, &str); 10] = [
    ("k8s/staging", "Configuration", "", "/spec/tracing/samplingRate", "who looks closely sees every trace"),
    ("k8s/production", "HorizontalPodAutoscaler", "", "/spec/minReplicas", "how many there are at rest"),
    ("k8s/production", "HorizontalPodAutoscaler", "", "/spec/maxReplicas", "how many there may be"),
    ("k8s/production", "HorizontalPodAutoscaler", "tasks", "/spec/behavior", "calm before a pod goes"),
    ("k8s/production", "Deployment", "", "/spec/replicas", "the autoscaler counts them"),
    ("k8s/production", "Deployment", "", "/spec/template/spec/containers/0/resources/requests/cpu", "what is scaled by"),
    (
        "k8s/production",
        "Deployment",
        "",
        "/spec/template/metadata/annotations/dapr.io~1sidecar-cpu-request",
        "what is scaled by, too",
    ),
    ("k8s/production", "ResourceQuota", "", "/spec/hard", "more than the free machine"),
    ("k8s/production", "Component", "", "/spec/metadata/1/value", "more instances, fewer connections each"),
    // Objects that only production has.
    ("k8s/production", "HorizontalPodAutoscaler", "", "", "an autoscaler for every app"),
];

/// Each object under its kind and name.
fn by_name(objects: &[Value]) -> Result<BTreeMap<(String, String), Value>> {
    let key = |object: &Value| (object["kind"].as_str().unwrap_or_default().to_owned(), name(object).to_owned());
    let named: BTreeMap<_, _> = objects.iter().map(|object| (key(object), object.clone())).collect();
    ensure!(named.len() == objects.len(), "an object is there twice");
    Ok(named)
}

/// Takes a part of an object away.
fn take(object: &mut Value, part: &str) -> Option<Value> {
    let (parent, key) = part.rsplit_once('/')?;
    let key = key.replace("~1", "/");
    object.pointer_mut(parent)?.as_object_mut()?.remove(&key)
}

/// The name of the settings that pods read, which has their hash in it.
fn settings(objects: &[Value]) -> Result<&str> {
    let maps = of_kind(objects, "ConfigMap").into_iter().map(name);
    maps.into_iter().find(|name| name.starts_with("outrigger-")).context("the settings")
}

/// An app's container stays what it is on its whole way, and where the settings differ the pods are new ones. Tried: another port in
/// production, a variable more in staging.
#[test]
fn contract_the_cloud_changes_values_and_no_app() -> Result<()> {
    let places: Vec<(&str, &str, Vec<Value>)> =
        PLACES.iter().map(|(place, rate)| Ok((*place, *rate, rendered(place)?))).collect::<Result<_>>()?;
    let (first, _, local) = &places[0];
    for (place, _, objects) in &places[1..] {
        ensure!(settings(local)? != settings(objects)?, "{place} has other settings than {first}, under the same name");
    }
    for (place, rate, objects) in &places {
        for app in apps()? {
            let template = |objects: &[Value]| -> Result<Value> {
                let settings = settings(objects)?;
                let deployment =
                    of_kind(objects, "Deployment").into_iter().find(|each| name(each) == app).context("a deployment")?;
                let mut template = deployment["spec"]["template"].clone();
                for key in SIDECAR {
                    template["metadata"]["annotations"][format!("dapr.io/{key}")] = json!("what the place has");
                }
                let container = &mut template["spec"]["containers"][0];
                ensure!(container["envFrom"][0]["configMapRef"]["name"] == settings, "{app} does not read {settings}");
                container["envFrom"] = json!("the settings");
                container["image"] = json!(container["image"].as_str().and_then(|image| image.rsplit('/').next()));
                container["resources"] = json!("what the place has");
                Ok(template)
            };
            ensure!(template(local)? == template(objects)?, "{app} is not the same in {first} and {place}");
        }
        for configuration in of_kind(objects, "Configuration") {
            ensure!(configuration["spec"]["tracing"]["samplingRate"] == *rate, "{place}: {configuration}");
        }
    }
    Ok(())
}

/// Beyond the apps, too: what staging has seen is what production gets. Tried: a setting more in production, its issuer another, every trace
/// forgotten in staging, `maxReplicas` and hpa.yaml left out (a row then hides nothing).
#[test]
fn contract_from_the_cloud_to_production_only_values_of_the_place_differ() -> Result<()> {
    let cloud = by_name(&rendered("k8s/cloud")?)?;
    ensure!(cloud.len() > 100, "{} objects", cloud.len());
    for place in ["k8s/staging", "k8s/production"] {
        let (mut before, mut after) = (cloud.clone(), by_name(&rendered(place)?)?);
        for (_, kind, only, part, why) in VALUES.iter().filter(|row| row.0 == place) {
            let keys: BTreeSet<_> = before.keys().chain(after.keys()).filter(|key| key.0 == *kind).cloned().collect();
            let mut hides = false;
            for key in keys.into_iter().filter(|key| only.is_empty() || key.1 == *only) {
                if part.is_empty() {
                    // What only one of them has.
                    if before.contains_key(&key) != after.contains_key(&key) {
                        hides |= before.remove(&key).or(after.remove(&key)).is_some();
                    }
                } else if let (Some(one), Some(other)) = (before.get_mut(&key), after.get_mut(&key)) {
                    hides |= take(one, part) != take(other, part);
                }
            }
            ensure!(hides, "{place}: {kind}{part} does not differ, though {why}");
        }
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let differ: Vec<_> = keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).collect();
        ensure!(differ.is_empty(), "{place} has more of its own: {differ:?}");
    }
    Ok(())
}

/// What seed 002 asks of production: whoever people wait for three to ten times, not fewer before five minutes of calm; who works behind them
/// five to twenty times. All of it at its largest has room. Tried: `max` of the workers 21, a quota of 13 processors, the API's window
/// left out, an autoscaler left out.
#[test]
fn contract_production_grows_as_far_as_it_was_promised_and_has_the_room() -> Result<()> {
    const API: [&str; 6] = ["gateway", "identity", "messaging", "realtime", "tasks", "web"];
    let objects = rendered("k8s/production")?;
    let mut scaled = BTreeSet::new();
    for autoscaler in of_kind(&objects, "HorizontalPodAutoscaler") {
        let (app, spec) = (name(autoscaler), &autoscaler["spec"]);
        let most = if API.contains(&app) { (3, 10) } else { (5, 20) };
        ensure!((spec["minReplicas"].as_u64(), spec["maxReplicas"].as_u64()) == (Some(most.0), Some(most.1)), "{app}: {spec}");
        ensure!(spec["scaleTargetRef"] == json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": app }), "{app}: {spec}");
        let target = &spec["metrics"][0]["resource"];
        ensure!(
            target == &json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } }),
            "{app}: {spec}"
        );
        let calm = &spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"];
        ensure!(!API.contains(&app) || calm == 300, "{app}: {spec}");
        scaled.insert(app.to_owned());
    }
    ensure!(scaled == apps()?, "autoscaled are {scaled:?}");
    for deployment in of_kind(&objects, "Deployment") {
        ensure!(deployment["spec"]["replicas"].is_null(), "{} is counted by its manifest, too", name(deployment));
    }
    for (key, (sum, hard)) in at_its_largest(&objects)? {
        // No more than what is needed either: a quota that nothing can reach bounds nothing.
        ensure!(sum <= hard && sum > hard * 0.9, "{key}: {sum} of {hard}");
    }
    Ok(())
}

/// A workflow's target is an overlay of its name. Tried: the target `prod`.
#[test]
fn contract_every_target_of_a_deployment_has_its_overlay() -> Result<()> {
    let targets = targets()?;
    ensure!(targets == BTreeSet::from(["production".to_owned(), "staging".to_owned()]), "{targets:?}");
    for target in targets {
        ensure!(PLACES.iter().any(|(place, _)| *place == format!("k8s/{target}")), "{target} is compared with nothing");
        ensure!(root()?.join("k8s").join(&target).join("kustomization.yaml").is_file(), "there is no k8s/{target}");
    }
    Ok(())
}
