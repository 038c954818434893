//! The scripts that make clusters, deploy and go back, held to what they say, offline: the scripts are real, and so is the order of their calls;
//! what they call is a recorder.
//!
//! How each was tried: the script was broken as the test's comment says, once, and the test failed with the words that belong to it.

mod cloud;
mod clusters;
mod every;
mod fresh;
mod local;
mod managed;
mod monitoring;
mod rollback;
mod secrets;
mod validation;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use tests::recorder::{Scratch, said};

use crate::workspace::root;

/// What the scripts may use of this machine. A program that is neither here nor stood in for is missing.
const TOOLS: &str = "awk base64 bash basename cat chmod cmp cp cut date dirname env find git grep head id install mkdir mktemp mv od \
                     openssl rm sed sh sha256sum sleep sort stty tail tee touch tr wc";

/// Notes what it is asked for, and fails where the pattern FAILS says so.
const RECORDER: &str = r#"#!/bin/bash
call="${0##*/} $*"
echo "$call" >>"$SCRATCH/log"
echo "${KUBECONFIG-}" >>"$SCRATCH/ways"
if [[ -n ${FAILS-} && $call == $FAILS ]]; then echo "it says no" >&2; exit 1; fi
"#;

const KUBECTL: &str = include_str!("scripts/kubectl.sh");

/// A clone of the scripts beside a cluster of files.
struct Clone {
    scratch: Scratch,
    env: Vec<(&'static str, String)>,
}

impl Clone {
    fn new() -> Result<Self> {
        let scratch = Scratch::new()?;
        for folder in ["clone/scripts", "tools", "tmp", "cluster/secrets", "cluster/apps"] {
            std::fs::create_dir_all(scratch.path(folder))?;
        }
        let root = root()?;
        for entry in std::fs::read_dir(root.join("scripts"))? {
            let entry = entry?;
            symlink(entry.path(), scratch.path("clone/scripts").join(entry.file_name()))?;
        }
        symlink(root.join("k8s"), scratch.path("clone/k8s"))?;
        for tool in TOOLS.split_whitespace() {
            let found = ["/usr/local/bin", "/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(tool));
            symlink(found.clone().find(|path| path.exists()).with_context(|| format!("{tool} is missing"))?, {
                scratch.path("tools").join(tool)
            })?;
        }
        scratch.program("bin/kubectl", KUBECTL)?;
        let clone = Self { scratch, env: Vec::new() };
        clone.record(&["helm", "curl", "docker", "sudo"])?;
        Ok(clone)
    }

    /// Programs that only note.
    fn record(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| self.scratch.program(&format!("bin/{name}"), RECORDER))
    }

    /// Scripts that only note, in place of the real ones.
    fn record_scripts(&self, names: &[&str]) -> Result<()> {
        for name in names {
            let path = format!("clone/scripts/{name}.sh");
            std::fs::remove_file(self.scratch.path(&path))?;
            self.scratch.program(&path, RECORDER)?;
        }
        Ok(())
    }

    /// The programs of this machine that the scripts may use, and where they are.
    fn tools(&self) -> Result<BTreeMap<String, PathBuf>> {
        let folder = self.scratch.path("tools");
        let all = TOOLS.split_whitespace().map(|tool| Ok((tool.to_owned(), std::fs::read_link(folder.join(tool))?)));
        all.collect()
    }

    fn remove(&self, program: &str) -> Result<()> {
        for folder in ["bin", "tools"] {
            let path = self.scratch.path(folder).join(program);
            if path.symlink_metadata().is_ok() {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.scratch.command(program);
        let path = format!("{}:{}", self.scratch.path("bin").display(), self.scratch.path("tools").display());
        command.env("PATH", path).env("TMPDIR", self.scratch.path("tmp")).stdin(std::process::Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn script(&self, name: &str) -> PathBuf {
        self.scratch.path(&format!("clone/scripts/{name}.sh"))
    }

    /// What a script does and says.
    fn run(&self, name: &str, arguments: &[&str]) -> Result<Output> {
        Ok(self.command(self.script(name)).args(arguments).output()?)
    }

    /// What a script says that must succeed.
    fn well(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let output = self.run(name, arguments)?;
        ensure!(output.status.success(), "{name} {arguments:?}: {}{}", said(&output), self.scratch.log()?);
        Ok(said(&output))
    }

    /// What a script says that must end with 1 and an error of these words.
    fn refuses(&self, name: &str, arguments: &[&str], words: &str) -> Result<String> {
        let output = self.run(name, arguments)?;
        let says = said(&output);
        ensure!(output.status.code() == Some(1) && says.contains(words), "{name} {arguments:?}, not \"{words}\": {says}");
        Ok(says)
    }

    /// The calls since it was last asked, without what only looks.
    fn calls(&self) -> Result<Vec<String>> {
        const LOOKS: [&str; 6] =
            [" get ", "kubectl version", "kubectl config ", "kubectl kustomize", "helm history", "helm list"];
        let log = self.scratch.log()?;
        let calls = log.lines().filter(|call| !LOOKS.iter().any(|look| call.contains(look)));
        // Where it is, is another place in each run.
        let place = self.scratch.0.display().to_string();
        let plain =
            |call: &str| call.replace("kubectl --namespace outrigger ", "kubectl ").replace(&place, "").trim_end().to_owned();
        Ok(calls.map(plain).collect())
    }

    /// Those that change something, in the cluster or elsewhere.
    fn changes(&self) -> Result<Vec<String>> {
        let mut calls = self.calls()?;
        calls.retain(|call| !call.contains(" rollout status ") && !call.contains(" wait "));
        Ok(calls)
    }

    /// The kubeconfigs by which anybody was called since it was last asked.
    fn ways(&self) -> Result<BTreeSet<String>> {
        let path = self.scratch.path("ways");
        let text = std::fs::read_to_string(&path)?;
        std::fs::remove_file(path)?;
        Ok(text.lines().map(|way| way.replace(&self.scratch.0.display().to_string(), "")).collect())
    }

    /// Every file of the cluster.
    fn cluster(&self) -> Result<BTreeMap<String, String>> {
        self.below("cluster")
    }

    /// Every file below a folder, under its name from there. What is a link is not this run's.
    fn below(&self, folder: &str) -> Result<BTreeMap<String, String>> {
        let (mut texts, mut open) = (BTreeMap::new(), vec![self.scratch.path(folder)]);
        while let Some(path) = open.pop() {
            let kind = path.symlink_metadata()?.file_type();
            if kind.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            } else if kind.is_file() {
                let name = path.strip_prefix(self.scratch.path(folder))?.display().to_string();
                texts.insert(name, std::fs::read_to_string(&path).with_context(|| path.display().to_string())?);
            }
        }
        Ok(texts)
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.scratch.path(file), text)?)
    }

    /// Every app has run these images of its own, one after the other.
    fn has_run(&self, images: &[&str]) -> Result<()> {
        for app in apps()? {
            let lines = images.iter().enumerate().map(|(at, tag)| format!("{} registry.example/team/{app}:{tag}\n", at + 1));
            self.write(&format!("cluster/apps/{app}"), &lines.collect::<String>())?;
        }
        Ok(())
    }

    /// The tag that every app runs, when they agree.
    fn runs(&self) -> Result<String> {
        let mut tags = Vec::new();
        for app in apps()? {
            let text = std::fs::read_to_string(self.scratch.path(&format!("cluster/apps/{app}")))?;
            tags.push(text.trim_end().rsplit(':').next().unwrap_or_default().to_owned());
        }
        tags.dedup();
        Ok(tags.join(" and "))
    }
}

/// Each folder of `k8s/base` with an app in it.
fn apps() -> Result<Vec<String>> {
    let mut apps = Vec::new();
    for entry in std::fs::read_dir(root()?.join("k8s/base"))? {
        let entry = entry?;
        if entry.path().is_dir() && entry.file_name() != "app" {
            apps.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    apps.sort();
    ensure!(apps.len() >= 9, "{apps:?}");
    Ok(apps)
}

/// The same list of calls, or both.
fn same(calls: &[String], expected: &[impl AsRef<str>]) -> Result<()> {
    let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
    ensure!(calls == expected, "called:\n  {}\nexpected:\n  {}", calls.join("\n  "), expected.join("\n  "));
    Ok(())
}
