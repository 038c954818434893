//! Programs of this machine that a story calls, objects that it applies, and what was started again meanwhile.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::cluster::{kubectl, objects, said};
use tests::suite::variable;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::workspace::root;

/// What a program says that reads this.
pub(super) async fn fed(program: &str, arguments: &[&str], text: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    child.stdin.take().context("its input")?.write_all(text.as_bytes()).await?;
    let output = child.wait_with_output().await?;
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{program} {arguments:?}: {words}");
    Ok(words)
}

/// Ends whole namespaces, and gives back what their claims held where nobody makes new volumes.
pub(super) async fn remove(namespaces: &[&str]) -> Result<()> {
    let ended = [&["delete", "namespace"], namespaces, &["--ignore-not-found", "--timeout=180s"]].concat();
    kubectl(&ended).await?;
    if let Some(give_back) = variable("OUTRIGGER_VOLUMES") {
        let mut command = Command::new("bash");
        command.args(["-c", &give_back]).current_dir(root()?);
        said(command).await?;
    }
    Ok(())
}

/// As documents of one stream.
pub(super) fn stream(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n---\n")).collect()
}

/// Makes an object in the suite's namespace, or asks what would become of it.
pub(super) async fn create(object: &str, more: &[&str]) -> Result<String> {
    let mut command = Command::new("sh");
    let script = r#"object=$1; shift; printf %s "$object" | kubectl --namespace outrigger create "$@" -f -"#;
    command.args(["-c", script, "sh", object]).args(more);
    said(command).await
}

/// How often each container of these namespaces was started again.
pub(super) async fn restarts(namespaces: &[&str]) -> Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for namespace in namespaces {
        let list = objects(&["pods", "--namespace", namespace]).await?;
        for pod in list["items"].as_array().into_iter().flatten() {
            for kind in ["containerStatuses", "initContainerStatuses"] {
                for container in pod["status"][kind].as_array().into_iter().flatten() {
                    let name = format!("{} {}", super::name(pod), container["name"].as_str().unwrap_or_default());
                    all.insert(name, container["restartCount"].as_u64().unwrap_or_default());
                }
            }
        }
    }
    Ok(all)
}

/// The containers of `before` that were started again by now.
pub(super) fn again<'a>(before: &'a BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Vec<&'a String> {
    let again = before.iter().filter(|(name, count)| now.get(*name).is_some_and(|now| now > count));
    again.map(|(name, _)| name).collect()
}
