//! `docker-compose.yml`: the whole suite by Docker alone, an app and its sidecar in each container.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::eventually;
use tests::recorder::{Scratch, said, well};

use crate::cluster::shape::apps;
use crate::cluster::story::told;
use crate::docker::Docker;
use crate::workspace::root;

/// One image that holds a program of each of these.
const PROGRAMS: [&str; 11] = [
    "audit",
    "gateway",
    "identity",
    "messaging",
    "notifications",
    "outrigger",
    "realtime",
    "recurrence",
    "reminders",
    "tasks",
    "web",
];
/// Every instance has answered by then.
const SOON: Duration = Duration::from_secs(30);

/// Where this story lets the suite run: a Docker, and ports of this machine.
struct Place {
    docker: Docker,
    ports: [SocketAddr; 3],
    scratch: Scratch,
}

impl Place {
    fn find() -> Result<Self> {
        let scratch = Scratch::new()?;
        let docker = Docker::find(&scratch, &["buildx", "compose"])?;
        // Free until the door, the mailbox and Zipkin take them.
        let held = [0; 3].map(|port| TcpListener::bind(("127.0.0.1", port)).and_then(|held| held.local_addr()));
        let [front, mailbox, zipkin] = held;
        Ok(Self { docker, ports: [front?, mailbox?, zipkin?], scratch })
    }

    fn docker(&self, arguments: &[&str]) -> Result<Command> {
        Ok(self.command(self.docker.program("docker")?, arguments))
    }

    fn command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = self.scratch.command(program);
        self.docker.reached_by(command.args(arguments));
        for (name, address) in ["OUTRIGGER_PORT", "MAILBOX_PORT", "ZIPKIN_PORT"].into_iter().zip(self.ports) {
            command.env(name, address.port().to_string());
        }
        command
    }

    /// `docker compose` in a project of this story's own.
    fn compose(&self, arguments: &[&str]) -> Result<Command> {
        let file = root()?.join("docker-compose.yml").display().to_string();
        let project = format!("outrigger-story-{}", std::process::id());
        self.docker(&[&["compose", "--file", &file, "--project-name", &project], arguments].concat())
    }

    /// The image of the Dockerfile's stage, with programs that are there already in the place of its first stage, and those of the others'
    /// servers where no registry has them.
    fn images(&self) -> Result<()> {
        let (root, place) = (root()?, self.scratch.path("clone"));
        for folder in ["programs", "libraries", "scripts"] {
            std::fs::create_dir_all(place.join(folder))?;
        }
        for program in PROGRAMS {
            well(
                Command::new("strip")
                    .arg("-o")
                    .arg(place.join("programs").join(program))
                    .arg(root.join("target/debug").join(program)),
            )?;
        }
        // The Dockerfile's programs are static; those of a test need these.
        let needed = well(Command::new("ldd").arg(root.join("target/debug/outrigger")).arg(root.join("target/debug/tasks")))?;
        let needed: BTreeSet<&str> =
            needed.split_whitespace().filter(|word| word.starts_with('/') && word.contains(".so")).collect();
        well(Command::new("cp").args(["--dereference", "--parents"]).args(needed).arg(place.join("libraries")))?;
        well(Command::new("cp").arg("-r").args([root.join("components"), root.join("dapr.yaml")]).arg(&place))?;
        std::fs::copy(root.join("scripts/database.sql"), place.join("scripts/database.sql"))?;
        let dockerfile = std::fs::read_to_string(root.join("Dockerfile"))?;
        let (_, stage) = dockerfile.split_once("\nFROM scratch AS with-sidecar\n").context("the stage")?;
        let first = "FROM scratch AS build\nCOPY programs /programs\nFROM scratch AS with-sidecar\nCOPY libraries /\n";
        std::fs::write(place.join("Dockerfile"), format!("{first}{stage}"))?;
        if self.docker.is_own() {
            let cached = |pattern: &str| {
                well(Command::new("bash").args(["-c", &format!("ls -d ~/.cache/outrigger/{pattern} | head -n 1")]))
            };
            let daprd = well(Command::new("bash").args(["-c", "type -P daprd || ls ~/.cache/outrigger/bin/daprd-*"]))?;
            let archives = [daprd, cached("kafka-*[0-9a-f]")?, cached("zipkin-*/*.jar")?];
            let archives: Vec<&str> = archives.iter().map(|path| path.trim()).collect();
            well(&mut self.command(root.join("tests/it/scripts/official-images.sh"), &archives))?;
        }
        let place = place.display().to_string();
        well(&mut self.docker(&["buildx", "build", "--target", "with-sidecar", "--tag", "outrigger/with-sidecar", &place])?)?;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.docker.is_own() {
            return;
        }
        if let Ok(mut down) = self.compose(&["down", "--volumes", "--timeout", "2"]) {
            let _ = down.output();
        }
    }
}

/// Every app is there once, as a pair, as all others are, and can be there several times. Seen red: a `container_name`, a port of one app, an
/// app that is left out, another release of Kafka than that of the stories.
#[test]
fn contract_compose_has_each_app_of_the_cluster_with_its_sidecar_and_none_has_a_name_or_port_of_the_machine() -> Result<()> {
    let place = Place::find()?;
    let file: Value = serde_json::from_str(&well(&mut place.compose(&["config", "--format", "json"])?)?)?;
    let services = file["services"].as_object().context("services")?;
    let text = std::fs::read_to_string(root()?.join("docker-compose.yml"))?;
    ensure!(!text.contains("container_name"), "a name is one container's");
    let mut pairs = BTreeSet::new();
    for (name, service) in services.iter().filter(|(_, service)| service["command"][1] == "pair") {
        ensure!(service["command"] == json!(["compose", "pair", name]), "{name}: {}", service["command"]);
        ensure!(service["ports"].is_null() && service["network_mode"].is_null(), "{name} cannot be there twice");
        let environment = service["environment"].as_object().context("environment")?;
        // All else comes from where the launcher has it: dapr.yaml and crates/stack.
        let open = ["gateway", "realtime"].contains(&name.as_str());
        let wanted = if open { BTreeSet::from(["APP_HOST", "PUBLIC_URL"]) } else { BTreeSet::from(["PUBLIC_URL"]) };
        ensure!(environment.keys().map(String::as_str).collect::<BTreeSet<_>>() == wanted, "{name}: {environment:?}");
        ensure!(service["read_only"] == true && service["cap_drop"] == json!(["ALL"]), "{name} has rights");
        ensure!(service["healthcheck"]["test"].is_array() && service["restart"] == "on-failure", "{name}: {service}");
        pairs.insert(name.clone());
    }
    ensure!(pairs == apps()?, "{pairs:?}");
    let published: BTreeSet<&str> =
        services.iter().filter(|(_, service)| service["ports"].is_array()).map(|(name, _)| name.as_str()).collect();
    ensure!(published == BTreeSet::from(["front", "mailbox", "zipkin"]), "{published:?}");
    let pom = std::fs::read_to_string(root()?.join("scripts/kafka/pom.xml"))?;
    let kafka = services["kafka"]["image"].as_str().and_then(|image| image.strip_prefix("apache/kafka:")).context("kafka")?;
    ensure!(pom.contains(&format!("<version>{kafka}</version>")), "compose has Kafka {kafka}, the stories another");
    let dockerfile = std::fs::read_to_string(root()?.join("Dockerfile"))?;
    ensure!(dockerfile.contains(&format!("daprio/daprd:{} ", stack::DAPR_VERSION)), "another daprd");
    Ok(())
}

/// One command brings all of it up, three instances of tasks among it; the story of a person goes through it, each instance and each sidecar
/// answers, and `down` leaves nothing. Seen red: `/tmp` without its mode (a container that starts again cannot write there).
#[tokio::test]
async fn contract_compose_brings_the_suite_up_with_three_of_tasks_and_leaves_nothing() -> Result<()> {
    // Over a minute on two processors, and most of it is making images.
    if !tests::suite::is_long() {
        return Ok(());
    }
    let mut place = Place::find()?;
    place.docker.start(&[]).await?;
    place.images()?;
    well(&mut place.compose(&["up", "--detach", "--wait", "--wait-timeout", "240", "--scale", "tasks=3"])?)?;

    let [front, mailbox, zipkin] = place.ports;
    let suite = Cluster::at(&front.to_string(), front)?;
    told(&suite, async |name, path| {
        let at = if name == "mailbox" { mailbox } else { zipkin };
        Ok(suite.client().get(format!("http://{at}{path}")).send().await?.error_for_status()?.text().await?)
    })
    .await?;

    let ids = well(&mut place.compose(&["ps", "--quiet", "tasks"])?)?;
    let ids: Vec<&str> = ids.lines().collect();
    ensure!(ids.len() == 3, "{ids:?}");
    let ada = suite.member().await?;
    eventually("each instance has answered", SOON, async || {
        let correlation = uuid::Uuid::new_v4().to_string();
        for _ in 0..20 {
            ada.send(Method::GET, "/tasks", &[("x-correlation-id", &correlation)], None).await?.is(200)?;
        }
        let mut answered = 0;
        for id in &ids {
            answered += usize::from(said(&place.docker(&["logs", id])?.output()?).contains(&correlation));
        }
        Ok((answered == 3).then_some(()))
    })
    .await?;
    let mut addresses = BTreeSet::new();
    for id in &ids {
        let metadata: Value =
            serde_json::from_str(&well(&mut place.docker(&["exec", id, "outrigger", "compose", "metadata"])?)?)?;
        ensure!(metadata["id"] == "tasks" && metadata["appConnectionProperties"]["port"] == 7100, "{metadata}");
        let address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        addresses.insert(well(&mut place.docker(&["inspect", "--format", address, id])?)?);
    }
    ensure!(addresses.len() == 3, "{addresses:?}");

    well(&mut place.compose(&["down", "--volumes"])?)?;
    let project = format!("label=com.docker.compose.project=outrigger-story-{}", std::process::id());
    for list in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
        let left = well(place.docker(list)?.args(["--quiet", "--filter", &project]))?;
        ensure!(left.is_empty(), "{list:?} has {left}");
    }
    if place.docker.is_own() {
        let left = well(&mut place.docker(&["volume", "ls", "--quiet"])?)?;
        ensure!(left.is_empty(), "volumes without a name are left: {left}");
    }
    Ok(())
}
