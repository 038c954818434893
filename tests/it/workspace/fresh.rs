//! What a clone has that nothing was done to: all that a build asks for, and nothing asked of the machine but Rust.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::recorder::{Scratch, well};

use super::root;

/// A path without its `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// What git keeps, laid out anew, as a clone has it. What lies in a developer's folder without being kept is not there: `cargo` finds each crate
/// and a lock that is whole, and the compiler each file that sources take in. That the sources themselves are all kept is seen where they are
/// compiled from a clone, which is in every run of ci. Tried, with git's index: a statement of tasks left out, the lock left out, a name in it changed.
#[test]
fn contract_a_clone_has_all_that_a_build_asks_for() -> Result<()> {
    let (scratch, root) = (Scratch::new()?, root()?);
    let clone = scratch.path("clone");
    let prefix = format!("--prefix={}/", clone.display());
    well(Command::new("git").args(["checkout-index", "--all", &prefix]).current_dir(&root))?;
    let mut cargo = Command::new(env!("CARGO"));
    // Other systems' dependencies are not on this machine.
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let found = well(cargo.current_dir(&clone))?;
    let metadata: Value = serde_json::from_str(&found)?;
    let members = metadata["workspace_members"].as_array().context("members")?;
    ensure!(members.len() > 15, "{members:?}");

    let (mut taken, mut open) = (0, vec![clone]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path)?;
                // An example in a comment takes in nothing.
                let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                for included in
                    ["include_str!(\"", "include_bytes!(\"", "#[path = \""].iter().flat_map(|word| code.split(word).skip(1))
                {
                    let name = included.split('"').next().unwrap_or_default();
                    let file = plain(&path.parent().context("a folder")?.join(name));
                    ensure!(file.is_file(), "{} takes in {name}", path.display());
                    taken += 1;
                }
            }
        }
    }
    ensure!(taken > 50, "{taken} files are taken in");
    Ok(())
}

/// Each image is built from a clone in a container that has Rust and nothing of ours: `cargo build --release --locked` is all that is done there.
/// Tried: `apt-get` in the first stage, a build without `--locked`, one of debug.
#[test]
fn contract_an_image_is_built_from_a_clone_by_cargo_alone() -> Result<()> {
    let dockerfile = std::fs::read_to_string(root()?.join("Dockerfile"))?.replace("\\\n", " ");
    let (first, _) = dockerfile.split_once("\nFROM scratch").context("a last stage")?;
    let lines: Vec<&str> = first.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let [from, place, copy, run] = &lines[..] else { anyhow::bail!("{lines:#?}") };
    ensure!(from.starts_with("FROM rust:") && place.starts_with("WORKDIR ") && *copy == "COPY . .", "{lines:#?}");
    let commands: Vec<&str> = run.split("&&").map(str::trim).collect();
    let [target, build, ..] = &commands[..] else { anyhow::bail!("{run}") };
    ensure!(target.ends_with("target=$(rustc --print host-tuple)"), "{target}");
    ensure!(build.contains("cargo build --locked --release --workspace --bins"), "{build}");
    let programs = |command: &&str| ["mkdir ", "find "].iter().any(|program| command.starts_with(program));
    ensure!(commands[2..].iter().all(programs), "{:?}", &commands[2..]);
    Ok(())
}
