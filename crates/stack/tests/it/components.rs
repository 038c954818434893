//! The component sets: the same names, scopes everywhere, and each sidecar loads what is its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value;

use crate::support::{Folder, options, root, sidecar, start};

/// The components of a folder by name.
fn components(folder: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("components").join(folder)).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let value: Value = serde_yaml_ng::from_str(&text).unwrap();
        if value["kind"] == "Component" {
            found.insert(value["metadata"]["name"].as_str().unwrap().to_owned(), value);
        }
    }
    found
}

#[test]
fn the_sets_have_the_same_names_and_only_references_to_what_is_secret() {
    let names = |folder| components(folder).into_keys().collect::<BTreeSet<_>>();
    assert_eq!(names("local"), names("kafka"));
    assert_eq!(names("local"), names("cloud"));
    assert!(names("common").is_disjoint(&names("local")));
    for folder in ["common", "local", "kafka", "cloud"] {
        for (name, component) in components(folder) {
            assert!(component["scopes"].as_sequence().is_some_and(|scopes| !scopes.is_empty()), "{folder}/{name} has no scopes");
            for field in component["spec"]["metadata"].as_sequence().unwrap() {
                let key = field["name"].as_str().unwrap().to_lowercase();
                let words = [
                    "host",
                    "password",
                    "user",
                    "brokers",
                    "connectionstring",
                    "url",
                    "token",
                    "sid",
                    "cacert",
                    "emailfrom",
                    "fromnumber",
                ];
                // consumerID contains no secret although it ends like one.
                if words.iter().any(|word| key.contains(word)) {
                    assert!(field["secretKeyRef"]["name"].is_string(), "{folder}/{name}: {key} is no reference");
                }
            }
        }
    }
}

#[tokio::test]
async fn each_sidecar_loads_exactly_the_components_of_its_app() {
    let folder = Folder::new();
    let apps =
        ["identity", "tasks", "recurrence", "reminders", "notifications", "messaging", "realtime", "audit", "web", "gateway"];
    let stack = start(options(&folder, &apps)).await;
    for app in apps {
        let wanted: BTreeSet<String> = ["common", "local"]
            .into_iter()
            .flat_map(components)
            .filter(|(_, component)| component["scopes"].as_sequence().unwrap().iter().any(|scope| scope == app))
            .map(|(name, _)| name)
            .collect();
        let instance = stack.instance(app, 0).unwrap();
        let (_, metadata) = sidecar(instance, "GET", "/v1.0/metadata", "").await.unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
        let loaded = metadata["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
        assert_eq!(loaded.collect::<BTreeSet<_>>(), wanted, "{app}");
        assert_eq!(metadata["resiliencies"][0]["name"], "outrigger-resiliency", "{app}");
    }
    stack.shutdown().await.unwrap();
}
