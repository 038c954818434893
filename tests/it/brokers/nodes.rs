//! The Kafka of the manifests on this machine: the nodes of its pools with its settings and topics, and Kafka's own clients to ask it.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::{KafkaCluster, KafkaNode, Options, Set, Topic};
use tests::Suite;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::cluster::{documents, name, of_kind, quantity};
use crate::workspace::root;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// What the manifests say.
pub(super) struct Manifests {
    objects: Vec<Value>,
}

/// One process of a pool.
pub(super) struct Node {
    pub name: String,
    pub roles: Vec<String>,
    /// The memory it may have, in bytes.
    pub limit: f64,
}

impl Manifests {
    pub fn read() -> Result<Self> {
        let mut objects = Vec::new();
        for file in ["kafka-cluster.yaml", "kafka-topics.yaml"] {
            objects.extend(documents::<Value>(&std::fs::read_to_string(root()?.join("k8s/kafka").join(file))?)?);
        }
        Ok(Self { objects })
    }

    /// In the order in which the launcher numbers them, from one.
    pub fn nodes(&self) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        for pool in of_kind(&self.objects, "KafkaNodePool") {
            let spec = &pool["spec"];
            let roles: Vec<String> = serde_json::from_value(spec["roles"].clone())?;
            let limit = quantity(spec["resources"]["limits"]["memory"].as_str().context("a limit")?)?;
            for number in 0..spec["replicas"].as_u64().context("replicas")? {
                nodes.push(Node { name: format!("kafka-{}-{number}", name(pool)), roles: roles.clone(), limit });
            }
        }
        Ok(nodes)
    }

    pub fn topics(&self) -> Result<Vec<Topic>> {
        let topics = of_kind(&self.objects, "KafkaTopic").into_iter().map(|topic| {
            let spec = &topic["spec"];
            Ok(Topic {
                name: name(topic).to_owned(),
                partitions: serde_json::from_value(spec["partitions"].clone())?,
                replicas: serde_json::from_value(spec["replicas"].clone())?,
                settings: settings(&spec["config"]),
            })
        });
        topics.collect()
    }

    /// A stack with this Kafka and these apps, each once.
    pub fn options(&self, name: &str, apps: &[&str]) -> Result<Options> {
        let mut options = Suite::options(name)?;
        options.set = Set::Kafka;
        options.zipkin = false;
        options.replicas.clear();
        options.apps = Some(apps.iter().map(|&app| app.to_owned()).collect());
        let kafka = of_kind(&self.objects, "Kafka").into_iter().next().context("a Kafka")?;
        // Half of what it may have is the heap, as Strimzi's image takes it where nothing is said.
        let nodes = self.nodes()?.into_iter();
        let nodes =
            nodes.map(|node| KafkaNode { name: node.name, roles: node.roles, heap: (node.limit / 2.0 / MEBIBYTE) as u32 });
        options.kafka = KafkaCluster {
            nodes: nodes.collect(),
            settings: settings(&kafka["spec"]["kafka"]["config"]),
            topics: self.topics()?,
        };
        Ok(options)
    }
}

/// As they stand in a file of properties.
fn settings(config: &Value) -> BTreeMap<String, String> {
    let settings = config.as_object().into_iter().flatten();
    settings.map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect()
}

/// `Client.java`, until it is dropped.
pub(super) struct Client {
    _process: Child,
    words: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// What it writes and reads goes through this topic.
    pub fn start(suite: &Suite, topic: &str) -> Result<Self> {
        let archives = format!("{}/*", suite.stack().kafka_archives()?.display());
        let brokers = suite.stack().kafka_brokers().context("brokers")?;
        let mut command = Command::new("java");
        command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=OFF", "-cp", &archives]);
        command.arg(root()?.join("tests/it/brokers/Client.java")).args([&brokers, topic]);
        let log = std::fs::File::create(suite.stack().run_dir().join("logs/client.log"))?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting java")?;
        let words = process.stdin.take().context("its input")?;
        let answers = BufReader::new(process.stdout.take().context("its output")?).lines();
        Ok(Self { _process: process, words, answers })
    }

    pub async fn ask(&mut self, word: &str) -> Result<Value> {
        self.words.write_all(format!("{word}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.with_context(|| format!("no answer to {word:?}: see logs/client.log"))?;
        serde_json::from_str(&answer).with_context(|| answer)
    }

    /// Fails unless every broker that should have a partition has all of it.
    pub async fn whole(&mut self) -> Result<()> {
        self.each_partition(|at, partition| {
            let (replicas, insync) = (places(&partition["replicas"]), places(&partition["insync"]));
            ensure!(replicas.len() == insync.len(), "{at}: {insync:?} of {replicas:?}");
            Ok(())
        })
        .await
    }

    pub async fn each_partition(&mut self, check: impl Fn(&str, &Value) -> Result<()>) -> Result<()> {
        for (topic, said) in self.ask("describe").await?.as_object().context("topics")? {
            for (number, partition) in said["partitions"].as_array().into_iter().flatten().enumerate() {
                check(&format!("{topic}-{number}"), partition)?;
            }
        }
        Ok(())
    }
}

/// Ids of nodes.
pub(super) fn places(value: &Value) -> Vec<u64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
