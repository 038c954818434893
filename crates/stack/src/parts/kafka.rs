//! Kafka as one process that is broker and controller, from the archives that scripts/kafka/pom.xml names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

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

/// Where Java and the broker's archives are.
#[derive(Debug)]
pub(crate) struct Kafka<'a> {
    java: PathBuf,
    jars: PathBuf,
    settings: PathBuf,
    data: PathBuf,
    port: u16,
    secured: Option<Secured<'a>>,
}

impl<'a> Kafka<'a> {
    /// Writes the broker's settings. The first door asks for nothing: in the cloud set it is the launcher's only.
    pub fn find(run: &RunDir, jars: PathBuf, port: u16, controller: u16, secured: Option<Secured<'a>>) -> Result<Self> {
        let java =
            tools::need("java", "install a Java 17 runtime (Debian: openjdk-17-jre-headless, macOS: brew install openjdk@17)")?;
        let settings = run.join("kafka.properties");
        // A user is made with the folder, so the broker that knows one has a folder of its own.
        let data = run.join(if secured.is_some() { "kafka-secured" } else { "kafka" });
        let mut doors = format!("PLAINTEXT://127.0.0.1:{port}");
        if let Some(secured) = &secured {
            doors.push_str(&format!(",SASL_SSL://127.0.0.1:{}", secured.port));
        }
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners={doors},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners={doors}\ncontroller.listener.names=CONTROLLER\n\
             log.dirs={}\nauto.create.topics.enable=false\nnum.partitions=3\n\
             log.retention.check.interval.ms=60000\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=8\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nbroker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n",
            data.display()
        );
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
        Ok(Self { java, jars, settings, data, port, secured })
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

    /// The broker itself.
    pub fn program(&self, run: &RunDir) -> Program {
        let mut args: Vec<String> =
            ["-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN", "-cp"]
                .map(str::to_owned)
                .to_vec();
        args.extend([class_path(&self.jars), "kafka.Kafka".to_owned(), self.settings.display().to_string()]);
        parts::program(run, "kafka", &self.java, args, Probe::Kafka { port: self.port })
    }
}

fn class_path(jars: &Path) -> String {
    format!("{}/*", jars.display())
}
