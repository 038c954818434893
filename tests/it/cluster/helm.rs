//! The suite as a release of Helm, in a namespace of its own beside the other one: installed, left alone, replaced, and taken back.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::cluster::said;
use tests::suite::is_long;
use tokio::process::Command;
use uuid::Uuid;

use super::releases::{marked, runs, told};
use super::tools::remove;
use super::{deploy, deploy::state};
use crate::workspace::root;

/// Where this release lives, beside the suite of the other stories.
const NAMESPACE: &str = "outrigger-helm";
/// Its second release.
const SECOND: &str = "helm-second";
/// The variable that tells the scripts.
const SAYS_WHERE: &str = "OUTRIGGER_NAMESPACE";

/// Of a script, for this namespace.
fn here(mut command: Command) -> Command {
    command.env(SAYS_WHERE, NAMESPACE);
    command
}

/// What `scripts/rollback.sh` says.
async fn roll_back(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(root()?.join("scripts/rollback.sh"));
    command.args(arguments).current_dir(root()?);
    said(here(command)).await.with_context(|| format!("rollback.sh {arguments:?}"))
}

/// Number, state and tag of each release that Helm knows.
async fn history() -> Result<Vec<(u64, String, String)>> {
    let mut command = Command::new("helm");
    command.args(["history", "outrigger", "--namespace", NAMESPACE, "--output", "json"]);
    let mut all = Vec::new();
    for release in serde_json::from_str::<Vec<Value>>(&said(command).await?)? {
        let number = release["revision"].as_u64().context("a number")?;
        let mut values = Command::new("helm");
        values.args(["get", "values", "outrigger", "--namespace", NAMESPACE, "--output", "json", "--revision"]);
        values.arg(number.to_string());
        let values: Value = serde_json::from_str(&said(values).await?)?;
        let (state, tag) = (&release["status"], &values["images"]["tag"]);
        all.push((number, state.as_str().unwrap_or_default().to_owned(), tag.as_str().unwrap_or_default().to_owned()));
    }
    Ok(all)
}

/// Only with OUTRIGGER_LONG: four times every pod is another.
///
/// Seen red: settings that were kept by `helm.sh/resource-policy` and were not the release's ("no ConfigMap with the name": helm could not go back).
#[tokio::test]
async fn cluster_helm_installs_the_suite_changes_nothing_twice_and_takes_a_release_back() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("outrigger-second-{}", Uuid::new_v4()));
    let seen = installs_and_takes_back(&folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    if seen.is_ok() {
        remove(&[NAMESPACE]).await?;
    }
    seen
}

async fn installs_and_takes_back(folder: &Path) -> Result<()> {
    // What a run that failed has left to be looked at.
    remove(&[NAMESPACE]).await?;
    let tag = told("--tag")?;
    let words = said(here(deploy(&["--helm"])?)).await?;
    ensure!(words.contains("values made") && words.contains("all is well") && words.contains("The suite runs."), "{words}");
    let first = runs(NAMESPACE, &tag).await?;
    ensure!(history().await? == [(1, "deployed".to_owned(), tag.clone())], "{:?}", history().await?);

    let before = state(NAMESPACE).await?;
    let words = said(here(deploy(&["--helm", "--no-validate"])?)).await?;
    ensure!(words.contains("secrets: all kept"), "{words}");
    let after = state(NAMESPACE).await?;
    let differ: Vec<&String> = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
    ensure!(differ.is_empty() && before.len() > 60, "{} objects, changed by a second run: {differ:?}", before.len());

    marked(&root()?.join(told("--binaries")?), SECOND, folder)?;
    let binaries = folder.display().to_string();
    let words = said(here(deploy(&["--helm", "--tag", SECOND, "--binaries", &binaries])?)).await?;
    ensure!(words.contains("all is well"), "{words}");
    let other = runs(NAMESPACE, SECOND).await?;
    let same: Vec<&String> = first.keys().filter(|app| first.get(*app) == other.get(*app)).collect();
    ensure!(same.is_empty() && first.keys().eq(other.keys()), "the second release is the first: {same:?}");

    // To the one before, as a person does who has just seen it fail.
    let words = roll_back(&[]).await?;
    ensure!(
        words.contains("all is well") && first.keys().all(|app| words.contains(&format!("outrigger/{app}:{tag}"))),
        "{words}"
    );
    ensure!(runs(NAMESPACE, &tag).await? == first, "not what ran first: {:?}, {first:?}", runs(NAMESPACE, &tag).await?);
    // To one that has a name, and not merely to the one before.
    roll_back(&[SECOND, "--no-validate"]).await?;
    ensure!(runs(NAMESPACE, SECOND).await? == other, "not the second: {:?}, {other:?}", runs(NAMESPACE, SECOND).await?);
    roll_back(&["1", "--no-validate"]).await?;
    ensure!(runs(NAMESPACE, &tag).await? == first, "not what ran first: {:?}, {first:?}", runs(NAMESPACE, &tag).await?);
    let tags: Vec<String> = history().await?.into_iter().map(|(_, _, tag)| tag).collect();
    ensure!(tags == [&tag, &tag, SECOND, &tag, SECOND, &tag], "{tags:?}");
    Ok(())
}
