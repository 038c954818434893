//! The workflows of GitHub Actions, held to what `docs/cicd.md` and the scripts say, without GitHub: what they are, when they run, what their
//! steps call, and what the scripts that only they call do.
//!
//! How each was tried: the thing was broken as the test's comment says, once, and the test failed with the words that belong to it.

mod act;
mod archives;
mod arm;
mod gates;
mod paths;
mod registry;
mod shape;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::recorder::{Scratch, said, well};

use crate::workspace::root;

/// One file of `.github/workflows`.
pub(crate) struct Workflow {
    file: String,
    text: String,
    yaml: Value,
}

impl Workflow {
    fn jobs(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.yaml["jobs"].as_object().into_iter().flatten()
    }

    fn job(&self, name: &str) -> Result<&Value> {
        self.jobs()
            .find_map(|(job, value)| (job == name).then_some(value))
            .with_context(|| format!("{}: no job {name}", self.file))
    }

    /// Each step with the job that it belongs to.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.jobs().flat_map(|(job, value)| value["steps"].as_array().into_iter().flatten().map(move |step| (job, step)))
    }

    /// The shell of each step that has some.
    fn runs(&self) -> impl Iterator<Item = &str> {
        self.steps().filter_map(|(_, step)| step["run"].as_str())
    }

    /// What starts it.
    fn starts(&self) -> BTreeSet<&str> {
        self.yaml["on"].as_object().into_iter().flatten().map(|(event, _)| event.as_str()).collect()
    }
}

/// All of them, by file name.
fn workflows() -> Result<BTreeMap<String, Workflow>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(root()?.join(".github/workflows"))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path)?;
        let yaml = serde_yaml_ng::from_str(&text).with_context(|| file.clone())?;
        all.insert(file.clone(), Workflow { file, text, yaml });
    }
    ensure!(all.len() > 10, "{:?}", all.keys());
    Ok(all)
}

pub(crate) fn workflow(file: &str) -> Result<Workflow> {
    workflows()?.remove(file).with_context(|| format!("no workflow {file}"))
}

/// The environments that a deployment may have as its target.
pub(crate) fn targets() -> Result<BTreeSet<String>> {
    let all = workflows()?;
    let jobs = all.values().flat_map(Workflow::jobs).filter(|(_, job)| job["uses"] == "./.github/workflows/deploy-cloud.yaml");
    jobs.map(|(_, job)| Ok(job["with"]["target"].as_str().context("a deployment without a target")?.to_owned())).collect()
}

/// What has an image, as the scripts see it.
fn images() -> Result<BTreeSet<String>> {
    let mut command = Command::new("bash");
    command.args(["-c", r#"ROOT=.; source scripts/_cluster.sh; echo "${IMAGES[@]}""#]).current_dir(root()?);
    let images: BTreeSet<String> = well(&mut command)?.split_whitespace().map(str::to_owned).collect();
    ensure!(images.len() >= 10, "{images:?}");
    Ok(images)
}

/// The scripts that a text names.
fn scripts_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "/_.-".contains(letter)));
    words.filter(|word| word.starts_with("scripts/") && word.ends_with(".sh")).map(str::to_owned).collect()
}
