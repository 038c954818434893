//! Kafka as the manifests have it: read by the classes by which Strimzi's operator reads them, and as real brokers.
//!
//! No Strimzi runs here, and its custom resource definitions cannot be had; the classes that they are made from are in Maven.

mod nodes;
mod restart;

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use tests::recorder::{Scratch, said};

use crate::workspace::root;

/// With the real home, where the archives are kept: they are fetched once a machine.
fn check(files: &[std::path::PathBuf]) -> Result<Output> {
    let root = root()?;
    Ok(Command::new(root.join("scripts/check-kafka.sh")).args(files).current_dir(&root).output()?)
}

/// What is broken in a copy, and what has to be said of it: the file, what stands there, what is put in its place, the words.
const FAULTS: [(&str, &str, &str, &str); 12] = [
    ("cluster", "\n  replicas: 2", "\n  replica: 2", "KafkaNodePool/brokers/spec/replica is not known"),
    ("cluster", "\n  replicas: 2", "\n  replica: 2", "KafkaNodePool/brokers/spec/replicas is missing"),
    ("cluster", "[controller]", "[controler]", "KafkaNodePool/controllers/spec/roles/0 is \"controler\""),
    ("cluster", "kraftMetadata: shared", "kraftMetadata: share", "/spec/storage/volumes/0/kraftMetadata is \"share\""),
    ("cluster", "memory: 1Gi", "memory: 1Gib", "KafkaNodePool/brokers/spec/resources/limits/memory is no quantity"),
    ("cluster", ", tls: false", "", "Kafka/outrigger/spec/kafka/listeners/0/tls is missing"),
    ("cluster", "type: internal", "type: inner", "Kafka/outrigger/spec/kafka/listeners/0/type is \"inner\""),
    ("cluster", "num.partitions", "log.dirs", "Kafka/outrigger/spec/kafka/config/log.dirs is the operator's own"),
    ("cluster", "topicOperator", "topicOperater", "Kafka/outrigger/spec/entityOperator/topicOperater is not known"),
    ("topics", "  partitions: 12", "  partitions: twelve", "KafkaTopic/task-events Cannot deserialize value"),
    ("topics", "name: reminders\n", "nam: reminders\n", "KafkaTopic//metadata/nam is not known"),
    (
        "topics",
        "name: user-events\n  labels: { strimzi.io/cluster: outrigger }",
        "name: user-events\n  labels: { strimzi.io/cluster: other }",
        "KafkaTopic/user-events/metadata/labels belongs to 'other'",
    ),
];

/// Tried: each check of `scripts/strimzi/Check.java` taken out in turn (the walk, what must be there, what was kept, the operator's own settings,
/// labels), and its verdict.
#[test]
fn contract_strimzi_understands_every_word_of_the_manifests_and_refuses_a_misspelt_one() -> Result<()> {
    let scratch = Scratch::new()?;
    let output = check(&[])?;
    let says = said(&output);
    ensure!(output.status.success(), "{says}");
    ensure!(says.contains("Strimzi understands {Kafka=1, KafkaNodePool=2, KafkaTopic=14}"), "{says}");

    let mut files = Vec::new();
    for kind in ["cluster", "topics"] {
        let mut text = std::fs::read_to_string(root()?.join(format!("k8s/kafka/kafka-{kind}.yaml")))?;
        for (_, right, wrong, _) in FAULTS.iter().filter(|fault| fault.0 == kind) {
            ensure!(text.contains(right) || text.contains(wrong), "{kind} has no {right:?} any more");
            text = text.replacen(right, wrong, 1);
        }
        let path = scratch.path(&format!("kafka-{kind}.yaml"));
        std::fs::write(&path, text)?;
        files.push(path);
    }
    let output = check(&files)?;
    let says = said(&output);
    ensure!(output.status.code() == Some(1), "{says}");
    for (_, _, wrong, words) in FAULTS {
        ensure!(says.lines().any(|line| line.contains(words)), "{wrong:?} is not refused by {words:?}: {says}");
    }
    Ok(())
}

/// The classes are of the operator that would be installed. Tried: another version in the script.
#[test]
fn contract_the_classes_are_of_the_strimzi_that_is_installed() -> Result<()> {
    let (root, installed) = (root()?, "STRIMZI_VERSION=");
    let script = std::fs::read_to_string(root.join("scripts/setup-kafka.sh"))?;
    let version = script.lines().find_map(|line| line.strip_prefix(installed)).context("a version")?;
    let pom = std::fs::read_to_string(root.join("scripts/strimzi/pom.xml"))?;
    ensure!(pom.contains(&format!("<artifactId>api</artifactId>\n      <version>{version}</version>")), "not {version}: {pom}");
    Ok(())
}
