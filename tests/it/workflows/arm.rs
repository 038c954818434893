//! The images for Arm: their programs are compiled for it by what the Dockerfile runs, go the way of `registry.rs`, and those that come back out of
//! the registry are the apps of a suite, emulated one by one, beside sidecars and servers of this machine's processor.
//!
//! What is no real part: the compiler is Debian's, for another processor than its own, where an image is made by the official one on a machine of
//! its kind; and the programs of amd64 are those of the tests.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::Suite;
use tests::cluster::Cluster;
use tests::recorder::{Scratch, well};
use tests::suite::is_long;

use super::images;
use super::registry::{COMMIT, Parts};
use crate::cluster::story::told;
use crate::workspace::root;

/// Emulated and not yet compiled for this machine, an app takes a while to say that it is ready.
const STARTED: Duration = Duration::from_secs(300);

/// Where the programs for Arm are, and what runs them: compiled, as far as they are not the working tree's.
fn compiled() -> Result<(PathBuf, PathBuf)> {
    let system = well(&mut Command::new(root()?.join("tests/it/scripts/arm-programs.sh")))?;
    let system = Path::new(system.trim());
    Ok((system.join("programs"), system.join("usr/bin/qemu-aarch64")))
}

/// Fails unless the program is for that processor, in the words of `readelf`, and needs no library.
fn is_for(processor: &str, program: &Path) -> Result<()> {
    let head = well(Command::new("readelf").args(["--file-header", "--program-headers"]).arg(program).env("LC_ALL", "C"))?;
    let machine = head.lines().find_map(|line| line.trim().strip_prefix("Machine:")).context("no machine")?.trim();
    ensure!(machine == processor, "{} is for {machine}, not for {processor}", program.display());
    ensure!(!head.contains(" INTERP "), "{} needs libraries", program.display());
    Ok(())
}

/// The program of an image, as somebody gets it who asks the list for their processor: each is there once.
async fn taken(parts: &Parts, image: &str, architecture: &str) -> Result<PathBuf> {
    let (_, list) = parts.named(image, COMMIT).await?;
    let of = |entry: &&Value| entry["platform"]["os"] == "linux" && entry["platform"]["architecture"] == architecture;
    let entries: Vec<&Value> = list["manifests"].as_array().context("a list")?.iter().filter(of).collect();
    let [entry] = &entries[..] else { anyhow::bail!("{image} for {architecture}: {list}") };
    let (_, manifest) = parts.named(image, entry["digest"].as_str().context("a digest")?).await?;
    let folder = parts.scratch.path("taken").join(architecture).join(image);
    std::fs::create_dir_all(&folder)?;
    let layer = folder.join("layer");
    std::fs::write(&layer, parts.blob(image, &manifest["layers"][0]).await?)?;
    well(Command::new("tar").arg("-xf").arg(&layer).arg("-C").arg(&folder))?;
    Ok(folder.join("app"))
}

/// What the emulator is running: the program of each of its processes.
fn emulated(emulator: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut programs = BTreeSet::new();
    for entry in std::fs::read_dir("/proc")? {
        let process = entry?.path();
        // A process may be gone, or another's.
        if std::fs::read_link(process.join("exe")).is_ok_and(|exe| exe == emulator) {
            let words = std::fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            programs.extend(words.split('\0').nth(1).map(PathBuf::from));
        }
    }
    Ok(programs)
}

/// Every image that a list has for Arm holds a program of that processor, and with these the story of a person is told. Seen red: the programs of
/// amd64 in the images of arm64.
#[tokio::test]
async fn contract_the_images_for_arm_hold_programs_for_arm_and_a_person_is_told_by_them() -> Result<()> {
    // A machine of another kind has no use for it, and the first time it compiles for half an hour.
    if !is_long() || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(());
    }
    let (programs, emulator) = compiled()?;
    let (images, parts) = (images()?, Parts::start("").await?);
    for image in &images {
        parts.native(image)?;
    }
    parts.steps("build", "amd64")?;
    for image in &images {
        std::fs::copy(programs.join(image), parts.program(image))?;
    }
    parts.steps("build", "arm64")?;
    parts.steps("join", "amd64")?;

    let scratch = Scratch::new()?;
    let mut apps = BTreeSet::new();
    for image in &images {
        let native = taken(&parts, image, "amd64").await?;
        ensure!(well(Command::new("readelf").arg("--file-header").arg(native))?.contains("X86-64"), "{image} for amd64");
        let program = taken(&parts, image, "arm64").await?;
        is_for("AArch64", &program)?;
        let emulated = format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", emulator.display(), program.display());
        scratch.program(image, &emulated)?;
        if image != "outrigger" {
            apps.insert(program);
        }
    }

    let mut options = Suite::options("arm")?;
    options.bin_dir = scratch.path("");
    options.replicas.clear();
    options.patience = STARTED;
    let suite = Suite::start(options).await?;
    let running = emulated(&emulator)?;
    ensure!(running.is_superset(&apps), "emulated are {running:?}");
    let front = SocketAddr::from(([127, 0, 0, 1], suite.front_port()?));
    let cluster = Cluster::at(&front.to_string(), front)?;
    told(&cluster, async |name, path| {
        let at =
            if name == "mailbox" { suite.stack().inbox_url() } else { suite.stack().zipkin_url().context("Zipkin is on")? };
        Ok(suite.client().get(format!("{at}{path}")).send().await?.error_for_status()?.text().await?)
    })
    .await?;
    // And the program that is no app.
    let version = well(Command::new(scratch.path("outrigger")).arg("--version"))?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    suite.shutdown().await
}
