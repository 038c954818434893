//! Releases that a story makes of the programs of this run, and which of them every pod runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Blocking;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::cluster::objects;
use tests::eventually;
use tests::suite::variable;

use super::DEPLOY;
use super::shape::apps;

/// Pods of the release before end 8 s after their callers have heard of it, and have a minute for it.
const SOON: Duration = Duration::from_secs(90);

/// The value that `OUTRIGGER_DEPLOY` gives an option.
pub(super) fn told(option: &str) -> Result<String> {
    let said = variable(DEPLOY).unwrap_or_default();
    let mut words = said.split_whitespace().skip_while(|word| *word != option);
    words.nth(1).map(str::to_owned).with_context(|| format!("{DEPLOY} has no {option}, which makes a second release: {said:?}"))
}

/// The digest of what each app runs, when all of its pods are of the same and of this tag.
async fn images(namespace: &str, tag: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let list = objects(&["pods", "--namespace", namespace, "--selector", "dapr.io/sidecar-injected=true"]).await?;
    for pod in list["items"].as_array().into_iter().flatten() {
        let app = pod["metadata"]["labels"]["app.kubernetes.io/name"].as_str().context("an app")?;
        let container = &pod["status"]["containerStatuses"][0];
        // What was asked for: an image that has several names is called by any of them here.
        let name = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        ensure!(name.ends_with(&format!("/{app}:{tag}")) && container["ready"] == true, "{app} runs {container}");
        let digest = container["imageID"].as_str().context("a digest")?.to_owned();
        let before = found.insert(app.to_owned(), digest.clone());
        ensure!(before.is_none_or(|before| before == digest), "pods of {app} differ");
    }
    ensure!(found.len() >= 9, "{found:?}");
    Ok(found)
}

/// The same, as soon as those of the release before have left.
pub(super) async fn runs(namespace: &str, tag: &str) -> Result<BTreeMap<String, String>> {
    eventually(&format!("every pod is of {tag}"), SOON, async || images(namespace, tag).await.map(Some)).await
}

/// Each app as it is and a mark in it that no loader leaves out: the same program, in an image with another digest.
pub(super) fn marked(binaries: &Path, mark: &str, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let section = folder.join("mark");
    std::fs::write(&section, mark)?;
    for program in apps()?.into_iter().chain(["outrigger".to_owned()]) {
        let mut command = Blocking::new("objcopy");
        command.arg(format!("--add-section=.release={}", section.display()));
        let output = command.arg(binaries.join(&program)).arg(folder.join(&program)).output()?;
        ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
