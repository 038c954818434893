//! A node of Kafka, usually the only one, from the archives that scripts/kafka/pom.xml names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::options::{KafkaCluster, KafkaNode};
use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::secrets::write_private;
use crate::tls::Tls;
use crate::tools;

/// Who sidecars are in the cloud set.
pub(crate) const USER: &str = "outrigger";

/// A second door, as a broker in the cloud has: a user and a password (SCRAM) over TLS.
#[derive(Debug)]
pub(crate) struct Secured<'a> {
    pub port: u16,
    pub tls: &'a Tls,
    pub password: &'a str,
}

/// Where a node listens, as far as its roles do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doors {
    pub broker: u16,
    pub controller: u16,
}

/// Where Java and the archives are, and what this node is told.
#[derive(Debug)]
pub(crate) struct Kafka<'a> {
    java: PathBuf,
    jars: PathBuf,
    node: &'a KafkaNode,
    settings: PathBuf,
    data: PathBuf,
    port: u16,
    secured: Option<Secured<'a>>,
}

impl<'a> Kafka<'a> {
    /// Writes the settings of the node that has this place in the cluster. The first door asks for nothing: in the cloud set it is the launcher's
    /// only.
    pub fn find(
        run: &RunDir,
        jars: PathBuf,
        cluster: &'a KafkaCluster,
        doors: &[Doors],
        place: usize,
        secured: Option<Secured<'a>>,
    ) -> Result<Self> {
        let java =
            tools::need("java", "install a Java 17 runtime (Debian: openjdk-17-jre-headless, macOS: brew install openjdk@17)")?;
        let node = &cluster.nodes[place];
        let settings = run.join(&format!("{}.properties", node.name));
        // A user is made with the folder, so the broker that knows one has a folder of its own.
        let data = run.join(&if secured.is_some() { format!("{}-secured", node.name) } else { node.name.clone() });
        let Doors { broker, controller } = doors[place];
        let mut open = Vec::new();
        if node.is("broker") {
            open.push(format!("PLAINTEXT://127.0.0.1:{broker}"));
            open.extend(secured.iter().map(|secured| format!("SASL_SSL://127.0.0.1:{}", secured.port)));
        }
        let advertised = open.join(",");
        if node.is("controller") {
            open.push(format!("CONTROLLER://127.0.0.1:{controller}"));
        }
        let voters = cluster.nodes.iter().zip(doors).enumerate().filter(|(_, (node, _))| node.is("controller"));
        let voters: Vec<String> = voters.map(|(id, (_, doors))| format!("{}@127.0.0.1:{}", id + 1, doors.controller)).collect();
        let mut text = format!(
            "process.roles={}\nnode.id={}\ncontroller.quorum.voters={}\n\
             listeners={}\nadvertised.listeners={advertised}\ncontroller.listener.names=CONTROLLER\nlog.dirs={}\n",
            node.roles.join(","),
            place + 1,
            voters.join(","),
            open.join(","),
            data.display()
        );
        for (name, value) in &cluster.settings {
            text.push_str(&format!("{name}={value}\n"));
        }
        if let Some(Secured { tls, .. }) = &secured {
            let store = run.join("kafka.pem");
            write_private(&store, format!("{}{}", tls.key, tls.certificate).as_bytes())?;
            text.push_str(&format!(
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
                 inter.broker.listener.name=PLAINTEXT\nsasl.enabled.mechanisms=SCRAM-SHA-512\n\
                 listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
                 org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
                 ssl.keystore.type=PEM\nssl.keystore.location={}\n",
                store.display()
            ));
        }
        std::fs::write(&settings, text).with_context(|| format!("writing {}", settings.display()))?;
        let port = if node.is("broker") { broker } else { controller };
        Ok(Self { java, jars, node, settings, data, port, secured })
    }

    /// Marks the data folder as this cluster's and makes the user; harmless when it is.
    pub async fn format(&self, run: &RunDir) -> Result<()> {
        if self.data.join("meta.properties").exists() {
            return Ok(());
        }
        let mut command = Command::new(&self.java);
        command.arg("-cp").arg(class_path(&self.jars)).args(["kafka.tools.StorageTool", "format", "--ignore-formatted"]);
        command.args(["--cluster-id", "T3V0cmlnZ2VyS2Fma2EwMQ", "--config"]).arg(&self.settings);
        let user = run.join("kafka.user");
        if let Some(Secured { password, .. }) = &self.secured {
            // In a file, because a command line is everyone's to read.
            write_private(&user, format!("--add-scram\nSCRAM-SHA-512=[name={USER},password={password}]\n").as_bytes())?;
            command.arg(format!("@{}", user.display()));
        }
        let made = parts::run(&mut command).await;
        let _ = std::fs::remove_file(user);
        made
    }

    /// The node itself.
    pub fn program(&self, run: &RunDir) -> Program {
        let heap = self.node.heap;
        let mut args = vec![format!("-Xms{heap}m"), format!("-Xmx{heap}m")];
        args.extend(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN", "-cp"].map(str::to_owned));
        args.extend([class_path(&self.jars), "kafka.Kafka".to_owned(), self.settings.display().to_string()]);
        parts::program(run, &self.node.name, &self.java, args, Probe::Kafka { port: self.port })
    }
}

fn class_path(jars: &Path) -> String {
    format!("{}/*", jars.display())
}
