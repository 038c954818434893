//! The way of an image with the real parts: Docker builds it by the last stage of the Dockerfile, CNCF's registry takes it, and what stands
//! there is read back. The steps are those of `build.yml`, word for word.
//!
//! What is no real part: the first stage, which compiles for a quarter of an hour, gives programs that are there already, and the second
//! machine, of another processor, is the same Docker, told to build for that one and asked for it by a stand-in. That its program is for that
//! processor is in `arm.rs`.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::eventually;
use tests::recorder::{Scratch, said, well};

use super::workflow;
use crate::docker::Docker;
use crate::workspace::root;

pub(super) const COMMIT: &str = "53b3f5f1d5c0e2a9b8c7d6e5f4a3b2c1d0e9f8a7";
const APP: &str = "tasks";
/// The registry has begun by then.
const SOON: Duration = Duration::from_secs(30);
const KINDS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// Docker, but for the question of which processor it is on.
const DOCKER: &str = r#"#!/bin/sh
if [ "$1 $2" = "version --format" ]; then echo "${PROCESSOR:?}"; else exec "$DOCKER" "$@"; fi
"#;

/// A registry and a Docker of one story's own, ended with it.
pub(super) struct Parts {
    /// The image that the steps are for; all of them where it is empty, as for `build.yml`.
    app: &'static str,
    registry: Option<Child>,
    port: u16,
    docker: Docker,
    pub(super) scratch: Scratch,
}

impl Parts {
    pub(super) async fn start(app: &'static str) -> Result<Self> {
        let scratch = Scratch::new()?;
        clone(&scratch)?;
        let mut docker = Docker::find(&scratch, &["registry", "buildx"])?;
        scratch.program("bin/docker", DOCKER)?;
        // Without a network of its own: nothing runs in it, and it leaves the machine's alone.
        let alone = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--storage-driver=vfs"];
        docker.start(&alone).await?;
        let registry = docker.program("registry")?.to_owned();
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut parts = Self { app, registry: None, port, docker, scratch };
        let settings = parts.scratch.path("registry.yaml");
        let data = parts.scratch.path("registry").display().to_string();
        std::fs::write(
            &settings,
            format!(
                "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: '{data}' }} }}\nhttp: {{ addr: '127.0.0.1:{port}' }}\n"
            ),
        )?;
        let log = std::fs::File::create(parts.scratch.path("registry.log"))?;
        let mut command = Command::new(registry);
        command.arg("serve").arg(settings).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        parts.registry = Some(command.spawn()?);
        eventually("the registry answers", SOON, async || Ok(Some(parts.get("").await?))).await?;
        Ok(parts)
    }

    fn registry(&self) -> String {
        format!("127.0.0.1:{}/Somebody", self.port)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.scratch.command(program);
        self.docker.reached_by(command.current_dir(self.scratch.path("clone")));
        // What the stand-in is for.
        if let Ok(docker) = self.docker.program("docker") {
            command.env("DOCKER", docker);
        }
        command
    }

    /// Docker itself, not what stands before it.
    fn docker(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.command(self.docker.program("docker")?);
        command.args(arguments);
        Ok(command)
    }

    /// Each step of a job of `build.yml` that runs something, but the sign-in, on a machine of this processor.
    pub(super) fn steps(&self, job: &str, processor: &str) -> Result<String> {
        let build = workflow("build.yml")?;
        let mut says = String::new();
        let runs = build.steps().filter(|(of, _)| *of == job).filter_map(|(_, step)| step["run"].as_str());
        for run in runs.filter(|run| !run.starts_with("docker login ")) {
            let mut step = self.command("bash");
            step.args(["--noprofile", "--norc", "-e", "-c", run]).env("PROCESSOR", processor);
            step.env("DOCKER_DEFAULT_PLATFORM", format!("linux/{processor}"));
            step.env("REGISTRY", self.registry()).env("TAG", COMMIT).env("APP", self.app);
            says += &well(&mut step)?;
        }
        Ok(says)
    }

    /// Whether a script about a stage says yes.
    fn stage(&self, script: &str, stage: &str) -> Result<(bool, String)> {
        let mut command = self.command(&format!("scripts/{script}-images.sh"));
        let registry = self.registry().to_lowercase();
        let output = command.args(["--stage", stage, "--registry", &registry, "--tag", COMMIT, APP]).output()?;
        Ok((output.status.success(), said(&output)))
    }

    /// The registry's own word: a path of its API.
    async fn get(&self, path: &str) -> Result<reqwest::Response> {
        let client = reqwest::Client::builder().timeout(SOON).build()?;
        let request = client.get(format!("http://127.0.0.1:{}/v2/{path}", self.port)).header("accept", KINDS);
        Ok(request.send().await?.error_for_status()?)
    }

    /// Where the first stage leaves the program of an image.
    pub(super) fn program(&self, image: &str) -> PathBuf {
        self.scratch.path("clone/programs").join(image)
    }

    /// Puts there the one that is compiled for this machine already.
    pub(super) fn native(&self, image: &str) -> Result<()> {
        let compiled = root()?.join("target/debug").join(image);
        well(Command::new("strip").arg("-o").arg(self.program(image)).arg(compiled))?;
        Ok(())
    }

    async fn tags(&self) -> Result<BTreeSet<String>> {
        let list: Value = self.get(&format!("somebody/{APP}/tags/list")).await?.json().await?;
        Ok(list["tags"].as_array().into_iter().flatten().filter_map(|tag| Some(tag.as_str()?.to_owned())).collect())
    }

    /// What a tag or a digest names: its digest, and what stands there.
    pub(super) async fn named(&self, image: &str, tag: &str) -> Result<(String, Value)> {
        let answer = self.get(&format!("somebody/{image}/manifests/{tag}")).await.with_context(|| format!("{image}:{tag}"))?;
        let digest = answer.headers()["docker-content-digest"].to_str()?.to_owned();
        Ok((digest, answer.json().await?))
    }

    /// What a manifest refers to.
    pub(super) async fn blob(&self, image: &str, of: &Value) -> Result<bytes::Bytes> {
        let digest = of["digest"].as_str().context("a digest")?;
        Ok(self.get(&format!("somebody/{image}/blobs/{digest}")).await?.bytes().await?)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if !self.docker.is_own() {
            let of = format!("reference={}/*", self.registry().to_lowercase());
            let listed = self.docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", &of]);
            let names = listed.and_then(|mut command| well(&mut command)).unwrap_or_default();
            let remove: Vec<&str> = ["image", "rm", "--force"].into_iter().chain(names.lines()).collect();
            if let Ok(mut remove) = self.docker(&remove) {
                let _ = remove.output();
            }
        }
        if let Some(registry) = &mut self.registry {
            let _ = registry.kill();
            let _ = registry.wait();
        }
    }
}

/// A clone whose Dockerfile has the last stage as it is, and programs in the place of the first.
fn clone(scratch: &Scratch) -> Result<()> {
    let (root, place) = (root()?, scratch.path("clone"));
    std::fs::create_dir_all(place.join("programs"))?;
    // The scripts one by one: they find the clone by the folder that they are in.
    for name in ["k8s", "Cargo.toml"] {
        symlink(root.join(name), place.join(name))?;
    }
    std::fs::create_dir(place.join("scripts"))?;
    for entry in std::fs::read_dir(root.join("scripts"))? {
        let entry = entry?;
        symlink(entry.path(), place.join("scripts").join(entry.file_name()))?;
    }
    let dockerfile = std::fs::read_to_string(root.join("Dockerfile"))?;
    let (_, last) = dockerfile.split_once("\nFROM scratch\n").context("the last stage")?;
    std::fs::write(place.join("Dockerfile"), format!("FROM scratch AS build\nCOPY programs /programs\nFROM scratch\n{last}"))?;
    Ok(())
}

/// Tried: `latest` forgotten when both are joined, a join that replaces what is there, a push without the processor in its tag, the revision
/// or the version left out of the Dockerfile, a file more in it, the mark of another tag, the gate without its comparison.
#[tokio::test]
async fn contract_a_registry_has_an_image_under_its_commit_and_latest_and_keeps_what_staging_passed() -> Result<()> {
    let parts = Parts::start(APP).await?;
    parts.native(APP)?;
    let tagged = |more: &[&str]| more.iter().map(|each| each.replace("COMMIT", COMMIT)).collect::<BTreeSet<String>>();

    let native = well(&mut parts.docker(&["version", "--format", "{{.Server.Arch}}"])?)?;
    ensure!(native.trim() == if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }, "{native}");
    parts.steps("build", "amd64")?;
    ensure!(parts.tags().await? == tagged(&["COMMIT-amd64"]), "{:?}", parts.tags().await?);
    parts.steps("build", "arm64")?;
    parts.steps("join", "amd64")?;
    let all = tagged(&["COMMIT", "COMMIT-amd64", "COMMIT-arm64", "latest"]);
    ensure!(parts.tags().await? == all, "{:?}", parts.tags().await?);

    let (joined, list) = parts.named(APP, COMMIT).await?;
    ensure!(parts.named(APP, "latest").await?.0 == joined, "latest is another");
    let entries = list["manifests"].as_array().context("an image for each processor")?;
    ensure!(entries.len() == 2, "{list}");
    for (entry, processor) in entries.iter().zip(["amd64", "arm64"]) {
        let (digest, manifest) = parts.named(APP, &format!("{COMMIT}-{processor}")).await?;
        ensure!(entry["digest"] == digest && entry["platform"]["architecture"] == processor, "{entry}");
        let image: Value = serde_json::from_slice(&parts.blob(APP, &manifest["config"]).await?)?;
        let config = &image["config"];
        ensure!(image["architecture"] == processor && config["User"] == "65532:65532", "{image}");
        let label = |name: &str| &config["Labels"][format!("org.opencontainers.image.{name}")];
        ensure!(*label("revision") == COMMIT && *label("version") == env!("CARGO_PKG_VERSION"), "{config}");
        let [layer] = &manifest["layers"].as_array().context("layers")?[..] else { anyhow::bail!("{manifest}") };
        let file = parts.scratch.path("layer");
        std::fs::write(&file, parts.blob(APP, layer).await?)?;
        ensure!(well(Command::new("tar").arg("-tf").arg(file))? == "app\n", "{manifest}");
    }

    ensure!(!parts.stage("check", "staging")?.0, "nobody has passed staging");
    ensure!(parts.stage("mark", "staging")?.0);
    let marked = parts.named(APP, &format!("staging-{COMMIT}")).await?.0;
    ensure!(marked == joined && parts.stage("check", "staging")?.0 && !parts.stage("check", "production")?.0, "{marked}");

    // Built again, it is another image, and what staging passed stays what the commit's name leads to.
    std::fs::write(parts.program(APP), "another\n")?;
    parts.steps("build", "amd64")?;
    let says = parts.steps("join", "amd64")?;
    ensure!(says.contains("there already") && parts.named(APP, COMMIT).await?.0 == joined, "{says}");
    ensure!(parts.stage("check", "staging")?.0);

    // Somebody puts another image under the name.
    let name = format!("{}/{APP}:{COMMIT}", parts.registry().to_lowercase());
    let other = format!("{name}-amd64");
    well(&mut parts.docker(&["buildx", "imagetools", "create", "--tag", &name, &other])?)?;
    let (passes, says) = parts.stage("check", "staging")?;
    ensure!(!passes && says.contains(&format!("and what passed staging is {joined}")), "{says}");
    Ok(())
}
