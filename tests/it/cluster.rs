//! The suite in a real cluster, deployed by `scripts/deploy-local.sh`: its shape, its doors, its story, and what happens to it under load.

mod accepted;
mod access;
mod autoscaler;
mod capacity;
mod certificates;
mod chart;
mod cloud;
mod deploy;
mod door;
mod helm;
mod kafka;
mod monitoring;
mod network;
mod places;
mod quickstart;
mod releases;
mod rollout;
mod secrets;
pub(crate) mod shape;
pub(crate) mod story;
mod tools;

use std::collections::BTreeMap;
use std::process::Command as Blocking;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tests::cluster::{Cluster, HOST};
use tokio::process::Command;

pub(crate) use self::shape::quantity;
use crate::workspace::root;

/// How this run deployed: further arguments of the script, such as where images come from.
const DEPLOY: &str = "OUTRIGGER_DEPLOY";

/// `scripts/deploy-local.sh` on the cluster of this run, with further arguments.
fn deploy(more: &[&str]) -> Result<Command> {
    let mut command = Command::new(root()?.join("scripts/deploy-local.sh"));
    let said = tests::suite::variable(DEPLOY).unwrap_or_default();
    command.args(["--cluster", "existing"]).args(said.split_whitespace()).args(more).current_dir(root()?);
    Ok(command)
}

/// What `scripts/validate-deployment.sh` says, after so many seconds of patience.
async fn verdict(patience: u32, more: &[&str]) -> Result<Value> {
    let ingress = Cluster::find().await?.ingress.ip().to_string();
    let mut command = Command::new(root()?.join("scripts/validate-deployment.sh"));
    command.args(["--json", "--url", &format!("http://{HOST}"), "--address", &ingress, "--patience", &patience.to_string()]);
    let output = command.args(more).output().await?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdict: Value = serde_json::from_str(&words)
        .with_context(|| format!("{}: {words}{}", output.status, String::from_utf8_lossy(&output.stderr)))?;
    ensure!(verdict["ok"] == output.status.success(), "{}: {words}", output.status);
    Ok(verdict)
}

/// The checks that failed, each with its words.
fn faults(verdict: &Value) -> BTreeMap<&str, &str> {
    let checks = verdict["checks"].as_array().into_iter().flatten().filter(|check| check["ok"] == false);
    checks.filter_map(|check| Some((check["check"].as_str()?, check["detail"].as_str()?))).collect()
}

/// The objects that a kustomization renders.
pub(crate) fn rendered(folder: &str) -> Result<Vec<Value>> {
    let own = Blocking::new("kustomize").args(["build", folder]).current_dir(root()?).output();
    let output = match own {
        Ok(output) => output,
        // kubectl has it built in.
        Err(_) => Blocking::new("kubectl").args(["kustomize", folder]).current_dir(root()?).output()?,
    };
    ensure!(output.status.success(), "{folder}: {}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout)?).with_context(|| folder.to_owned())
}

/// Each document of a YAML stream.
pub(crate) fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    serde_yaml_ng::Deserializer::from_str(text).map(|document| Ok(T::deserialize(document)?)).collect()
}

/// Of one kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// An object's name.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
