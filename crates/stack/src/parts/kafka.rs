//! Kafka as one process that is broker and controller, from the archives that scripts/kafka/pom.xml names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::tools;

/// Where Java and the broker's archives are.
#[derive(Debug)]
pub(crate) struct Kafka {
    java: PathBuf,
    jars: PathBuf,
    settings: PathBuf,
    port: u16,
}

impl Kafka {
    /// Writes the broker's settings.
    pub fn find(run: &RunDir, jars: PathBuf, port: u16, controller: u16) -> Result<Self> {
        let java =
            tools::need("java", "install a Java 17 runtime (Debian: openjdk-17-jre-headless, macOS: brew install openjdk@17)")?;
        let settings = run.join("kafka.properties");
        let data = run.join("kafka");
        let text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
             log.dirs={}\nauto.create.topics.enable=false\nnum.partitions=3\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=8\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nbroker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n",
            data.display()
        );
        std::fs::write(&settings, text).with_context(|| format!("writing {}", settings.display()))?;
        Ok(Self { java, jars, settings, port })
    }

    /// Marks the data folder as this cluster's; harmless when it is.
    pub async fn format(&self, run: &RunDir) -> Result<()> {
        if run.join("kafka/meta.properties").exists() {
            return Ok(());
        }
        let mut command = Command::new(&self.java);
        command.arg("-cp").arg(class_path(&self.jars)).args(["kafka.tools.StorageTool", "format", "--ignore-formatted"]);
        command.args(["--cluster-id", "T3V0cmlnZ2VyS2Fma2EwMQ", "--config"]).arg(&self.settings);
        parts::run(&mut command).await
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
