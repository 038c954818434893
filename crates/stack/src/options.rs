//! What a caller decides before anything starts: which set, which ports, which apps, where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::topics::{self, Topic};

/// Which components stand beside `components/common`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Redis carries the events.
    Local,
    /// Kafka carries the events; Redis only counts.
    Kafka,
    /// As in the cloud: Kafka behind SCRAM over TLS, a PostgreSQL that takes TLS only, text messages by Twilio.
    Cloud,
}

impl Set {
    /// The folder in `components/`, and the word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Set::Local => "local",
            Set::Kafka => "kafka",
            Set::Cloud => "cloud",
        }
    }

    /// The part that carries the events.
    pub fn broker(self) -> &'static str {
        match self {
            Set::Local => "redis",
            Set::Kafka | Set::Cloud => "kafka",
        }
    }
}

impl std::str::FromStr for Set {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "local" => Ok(Set::Local),
            "kafka" => Ok(Set::Kafka),
            "cloud" => Ok(Set::Cloud),
            other => {
                anyhow::bail!("there is no component set {other:?}; the sets are local, kafka and cloud")
            }
        }
    }
}

/// Which ports the front door and the apps listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Whatever is free, so that any number of stacks run beside each other.
    Free,
    /// The first instance of an app on the port that dapr.yaml states, the front door on this one.
    Stated {
        /// The port that is printed for people.
        front: u16,
    },
}

/// A Kafka, in the sets that have one.
#[derive(Clone, Debug)]
pub struct KafkaCluster {
    /// Its processes; the place in this list, from one, is the node's id.
    pub nodes: Vec<KafkaNode>,
    /// What every node is told beside where it and the others are.
    pub settings: BTreeMap<String, String>,
    /// What is made once all of them answer.
    pub topics: Vec<Topic>,
}

/// One process of a Kafka.
#[derive(Clone, Debug)]
pub struct KafkaNode {
    /// The part's name; it begins with `kafka`.
    pub name: String,
    /// `broker`, `controller` or both.
    pub roles: Vec<String>,
    /// The most its heap may be, in MiB.
    pub heap: u32,
}

impl KafkaNode {
    pub(crate) fn is(&self, role: &str) -> bool {
        self.roles.iter().any(|each| each == role)
    }
}

impl Default for KafkaCluster {
    /// One process that is broker and controller, with every topic of the suite.
    fn default() -> Self {
        let settings = [
            ("auto.create.topics.enable", "false"),
            ("num.partitions", "3"),
            ("log.retention.check.interval.ms", "60000"),
            ("offsets.topic.replication.factor", "1"),
            ("offsets.topic.num.partitions", "8"),
            ("transaction.state.log.replication.factor", "1"),
            ("transaction.state.log.min.isr", "1"),
            ("group.initial.rebalance.delay.ms", "0"),
            ("broker.session.timeout.ms", "3000"),
            ("broker.heartbeat.interval.ms", "500"),
        ];
        let roles = ["broker", "controller"].map(str::to_owned).to_vec();
        Self {
            nodes: vec![KafkaNode { name: "kafka".to_owned(), roles, heap: 256 }],
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            topics: topics::all(),
        }
    }
}

/// What a stack is made of. Start from [`Options::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The repository: dapr.yaml, components and scripts are found from here.
    pub root: PathBuf,
    /// Where data, logs and rendered files live; kept between runs.
    pub run_dir: PathBuf,
    /// Where the binaries of the apps are; dapr.yaml's folder is replaced by it.
    pub bin_dir: PathBuf,
    /// Which broker.
    pub set: Set,
    /// What its broker is made of, where that is Kafka; in the cloud set of one node only, which has the door that asks for a password.
    pub kafka: KafkaCluster,
    /// Free or stated ports.
    pub ports: Ports,
    /// How many instances of an app; one where nothing is said.
    pub replicas: BTreeMap<String, u16>,
    /// The apps to start, all of dapr.yaml when `None`; an empty list is the parts only.
    pub apps: Option<Vec<String>>,
    /// Commands that stand in for those of dapr.yaml, by app.
    pub commands: BTreeMap<String, Vec<String>>,
    /// Settings of one app beside those that every app gets.
    pub env: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether traces are collected.
    pub zipkin: bool,
    /// Whether Prometheus scrapes apps and sidecars.
    pub monitoring: bool,
    /// Whether there is a scheduler, without which the sidecars refuse jobs.
    pub jobs: bool,
    /// Start every part at once in an order drawn from this seed, instead of after what it needs.
    pub shuffle: Option<u64>,
    /// How long the whole start may take.
    pub patience: Duration,
}

impl Options {
    /// The Redis set on free ports, every app once, without Zipkin, monitoring and jobs.
    pub fn new(root: impl Into<PathBuf>, run_dir: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            bin_dir: root.join("target/debug"),
            root,
            run_dir: run_dir.into(),
            set: Set::Local,
            kafka: KafkaCluster::default(),
            ports: Ports::Free,
            replicas: BTreeMap::new(),
            apps: None,
            commands: BTreeMap::new(),
            env: BTreeMap::new(),
            zipkin: false,
            monitoring: false,
            jobs: false,
            shuffle: None,
            patience: Duration::from_secs(120),
        }
    }

    /// Whether this app is to be started.
    pub(crate) fn wants(&self, app: &str) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.iter().any(|wanted| wanted == app))
    }
}

/// The repository that a folder lies in: the nearest one upwards that has a dapr.yaml.
pub fn find_root(from: &Path) -> Result<PathBuf> {
    from.ancestors()
        .find(|folder| folder.join("dapr.yaml").is_file())
        .map(Path::to_path_buf)
        .with_context(|| format!("no dapr.yaml in {} or above it; run this inside the repository", from.display()))
}
