//! Plays GitHub: has the repository, sends the events, and reads what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::recorder::{Scratch, said, well};

use super::stand_ins::{CACHE, CHECKOUT, KUBECTL, RECORDER, SHELL, SIGNED_IN};
use crate::workflows::gates::DOCKER;
use crate::workflows::{Workflow, images, workflows};
use crate::workspace::root;

/// Scripts that take long.
const RECORDED: [&str; 7] =
    ["build-images", "check-dependencies", "deploy-local", "inspect-images", "scan-secrets", "test", "validate-deployment"];

/// The repository, what it runs on, and who sends its events.
pub(super) struct GitHub {
    scratch: Scratch,
    act: PathBuf,
    /// What says which workflows an event starts.
    starts: PathBuf,
    /// The name of each commit, as the record shows it.
    names: BTreeMap<String, &'static str>,
    pub(super) env: BTreeMap<&'static str, String>,
}

/// What came of one event.
pub(super) struct Run {
    /// The workflows that it started.
    pub(super) started: Vec<String>,
    pub(super) succeeded: bool,
    /// What their steps called, in order, each as `workflow/job: call`.
    pub(super) calls: Vec<String>,
    pub(super) says: String,
}

impl Run {
    /// Each job that called something, with what it called, in order. What two machines do is one line.
    pub(super) fn jobs(&self) -> String {
        let mut jobs: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
        for (job, call) in self.calls.iter().filter_map(|line| line.split_once(": ")) {
            let calls = jobs.entry(job).or_default();
            match calls.iter_mut().find(|(known, _)| *known == call) {
                Some((_, times)) => *times += 1,
                None => calls.push((call, 1)),
            }
        }
        let mut text = String::new();
        for (job, calls) in jobs {
            for (call, times) in calls {
                let twice = if times == 1 { "" } else { " (twice)" };
                text += &format!("{job}: {call}{twice}\n");
            }
        }
        text
    }

    /// The jobs that called something.
    fn names(&self) -> BTreeSet<&str> {
        self.calls.iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect()
    }

    /// The run is green and its jobs called just this.
    pub(super) fn did(&self, jobs: &str) -> Result<()> {
        ensure!(self.jobs() == jobs, "did:\n{}should have done:\n{jobs}{}", self.jobs(), self.says);
        ensure!(self.succeeded, "{}", self.says);
        Ok(())
    }

    /// The run is red, said why, and no other jobs but these called anything.
    pub(super) fn failed(&self, why: &str, jobs: &[&str]) -> Result<()> {
        ensure!(!self.succeeded && self.says.contains(why), "not \"{why}\": {}", self.says);
        ensure!(self.names().iter().eq(jobs), "{:?}: {}", self.names(), self.says);
        Ok(())
    }

    /// All of these were done before the job began.
    pub(super) fn waited(&self, job: &str, others: &[&str]) -> Result<()> {
        let is = |call: &str, job: &str| call.split_once(": ").is_some_and(|(of, _)| of == job);
        let first = self.calls.iter().position(|call| is(call, job)).with_context(|| format!("no {job}"))?;
        for other in others {
            let last = self.calls.iter().rposition(|call| is(call, other)).with_context(|| format!("no {other}"))?;
            ensure!(last < first, "{job} did not wait for {other}: {:#?}", self.calls);
        }
        Ok(())
    }
}

impl GitHub {
    pub(super) fn new() -> Result<Self> {
        let scratch = Scratch::new()?;
        let (root, repository) = (root()?, scratch.path("repository"));
        std::fs::create_dir(&repository)?;
        // A copy and no clone: what is here may not be committed yet.
        let copied = [".github", "scripts", "k8s", "Cargo.toml"];
        well(Command::new("cp").arg("-r").args(copied).arg(&repository).current_dir(&root))?;
        for script in RECORDED {
            scratch.program(&format!("repository/scripts/{script}.sh"), RECORDER)?;
        }
        for (place, text) in [
            ("bin/bash", SHELL),
            ("bin/minikube", RECORDER),
            ("bin/docker", SIGNED_IN),
            ("bin/kubectl", KUBECTL),
            ("docker-of-files", DOCKER),
            ("kubectl-of-files", include_str!("../../scripts/kubectl.sh")),
            ("actions/checkout/action.yml", CHECKOUT),
            ("actions/cache/action.yml", CACHE),
        ] {
            scratch.program(place, text)?;
        }
        std::fs::create_dir(scratch.path("packages"))?;
        // As scripts/test.sh does: found, or built once a machine.
        let mut find = Command::new("bash");
        find.args(["-ec", "ROOT=.; . scripts/_lib.sh; need_act >&2; type -P act act-starts"]).current_dir(root);
        let found = well(&mut find)?;
        let (act, starts) = found.trim().split_once('\n').context("two programs")?;
        let (act, starts) = (act.into(), starts.into());
        let mut github = Self { scratch, act, starts, names: BTreeMap::new(), env: BTreeMap::new() };
        github.git(&["init", "--quiet", "--initial-branch", "main"])?;
        // Whose owner is not in lower case, as a registry wants it.
        github.git(&["remote", "add", "origin", "https://github.com/Somebody/outrigger.git"])?;
        github.commit("earlier")?;
        for environment in ["staging", "production"] {
            github.prepare(environment)?;
        }
        Ok(github)
    }

    /// The folder of an environment's cluster, whose name is its kubeconfig.
    fn cluster(&self, environment: &str) -> PathBuf {
        self.scratch.path(&kubeconfig(environment)).join("cluster")
    }

    /// A cluster with all that a release needs, and the earlier commit running.
    fn prepare(&self, environment: &str) -> Result<()> {
        let cluster = self.cluster(environment);
        for folder in ["secrets", "apps"] {
            std::fs::create_dir_all(cluster.join(folder))?;
        }
        for secret in ["jwt", "clients", "redis", "kafka", "smtp", "sms", "db-tasks"] {
            std::fs::write(cluster.join(format!("secrets/outrigger-{secret}")), " key=dmFsdWU=")?;
        }
        std::fs::write(cluster.join("dapr"), "1.18.2")?;
        let earlier = self.sha("earlier")?;
        for app in images()?.iter().filter(|image| *image != "outrigger") {
            std::fs::write(cluster.join("apps").join(app), format!("1 ghcr.io/somebody/{app}:{earlier}\n"))?;
        }
        Ok(())
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut git = self.scratch.command("git");
        git.args(["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]).args(arguments);
        well(git.current_dir(self.scratch.path("repository")))
    }

    /// A commit of this name on main.
    pub(super) fn commit(&mut self, name: &'static str) -> Result<()> {
        std::fs::write(self.scratch.path("repository/README.md"), name)?;
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", name])?;
        let sha = self.git(&["rev-parse", "HEAD"])?.trim().to_owned();
        self.names.insert(sha, name);
        Ok(())
    }

    pub(super) fn sha(&self, name: &str) -> Result<&str> {
        self.names.iter().find_map(|(sha, known)| (*known == name).then_some(sha.as_str())).context("no such commit")
    }

    /// A text with the commits' names in it.
    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (sha, name)| text.replace(sha, name))
    }

    /// What comes of an event that brings these changes, in each workflow that it starts, or in one that is asked for.
    pub(super) fn event(&self, event: &Event<'_>) -> Result<Run> {
        let mut payload = event.payload.clone();
        payload["repository"] = json!({ "full_name": "Somebody/outrigger", "default_branch": "main" });
        let file = self.scratch.path("event.json");
        std::fs::write(&file, payload.to_string())?;
        let mut starts = self.scratch.command(&self.starts);
        starts.arg(event.name).arg(&file).args(event.changed).current_dir(self.scratch.path("repository"));
        let started = well(&mut starts)?;
        let started = started.lines().filter(|file| event.only.is_none_or(|only| only == *file)).map(str::to_owned);
        let mut run = Run { started: started.collect(), succeeded: true, calls: Vec::new(), says: String::new() };
        for workflow in &run.started {
            let mut act = self.scratch.command(&self.act);
            act.arg(event.name).arg("--eventpath").arg(&file).arg("--directory").arg(self.scratch.path("repository"));
            act.args(["--workflows", &format!(".github/workflows/{workflow}"), "--actor", "somebody", "--no-cache-server"]);
            for machine in ["ubuntu-24.04", "ubuntu-24.04-arm"] {
                act.args(["--platform", &format!("{machine}=-self-hosted")]);
            }
            // Nothing is fetched, and the checkout is an action as any other: else it would be the folder as it is now.
            act.args(["--action-offline-mode", "--no-skip-checkout"]);
            for action in actions()? {
                let name = action.split(['/', '@']).nth(1).unwrap_or_default();
                act.args(["--local-repository", &format!("{action}={}", self.scratch.path("actions").join(name).display())]);
            }
            act.args(["--secret", "GITHUB_TOKEN=a-token"]);
            if let Some(environment) = event.environment {
                act.args(["--secret", &format!("CLUSTER_KUBECONFIG={}", kubeconfig(environment))]);
                act.args(["--var", &format!("HOST={environment}.example.org"), "--var", "MAIL=admin@example.org"]);
            }
            // A terminal would be asked which images to take.
            let output = act.envs(&self.env).stdin(Stdio::null()).output()?;
            run.succeeded &= output.status.success();
            run.says += &said(&output);
        }
        let says = self.scratch.path("says");
        run.says = self.named(&format!("{}{}", run.says, std::fs::read_to_string(&says).unwrap_or_default()));
        std::fs::write(says, "")?;
        run.calls = self.named(&self.scratch.log()?).lines().map(str::to_owned).collect();
        Ok(run)
    }

    /// A commit comes to a branch.
    pub(super) fn push(&self, branch: &str, name: &str) -> Result<Run> {
        let payload = json!({ "ref": format!("refs/heads/{branch}"), "after": self.sha(name)?, "deleted": false });
        self.event(&Event { name: "push", payload, changed: &["README.md"], ..Event::default() })
    }

    /// Somebody asks to take these changes to main.
    pub(super) fn pull_request(&self, changed: &[&str]) -> Result<Run> {
        let payload = json!({ "action": "opened", "number": 1, "pull_request": { "base": { "ref": "main" } } });
        self.event(&Event { name: "pull_request", payload, changed, ..Event::default() })
    }

    /// A run of ci on a commit that came to main has ended.
    pub(super) fn completed(&self, ci: &Run, name: &str) -> Result<Run> {
        self.event(&self.ended("ci", "main", "push", ci.succeeded, name)?)
    }

    /// A workflow's run has ended, on a commit of a branch that came by an event.
    pub(super) fn ended(&self, workflow: &str, branch: &str, event: &str, succeeded: bool, name: &str) -> Result<Event<'static>> {
        let conclusion = if succeeded { "success" } else { "failure" };
        let run = json!({
            "name": workflow, "conclusion": conclusion, "event": event, "head_branch": branch, "head_sha": self.sha(name)?,
        });
        let payload = json!({ "action": "completed", "workflow_run": run });
        Ok(Event { name: "workflow_run", payload, environment: Some("staging"), ..Event::default() })
    }

    /// Somebody asks for a commit in production, and the reviewers agree.
    pub(super) fn dispatch(&self, name: &str) -> Result<Run> {
        let payload = json!({ "ref": "refs/heads/main", "inputs": { "sha": self.sha(name)? } });
        let (only, environment) = (Some("deploy-production.yml"), Some("production"));
        self.event(&Event { name: "workflow_dispatch", payload, only, environment, ..Event::default() })
    }

    /// The commits that the apps of an environment run, by the last release's manifests for it, if there was one.
    pub(super) fn runs(&self, environment: &str) -> Result<Vec<&str>> {
        let mut commits = BTreeSet::new();
        let applied = std::fs::read_to_string(self.cluster(environment).join("applied"));
        let overlay = format!("resources: [../../k8s/{environment}]\n");
        ensure!(applied.as_ref().is_ok_and(|text| text.contains(&overlay)) || applied.is_err(), "{environment} has {applied:?}");
        for entry in std::fs::read_dir(self.cluster(environment).join("apps"))? {
            let text = std::fs::read_to_string(entry?.path())?;
            commits
                .insert(*self.names.get(text.trim_end().rsplit(':').next().unwrap_or_default()).with_context(|| text.clone())?);
        }
        Ok(commits.into_iter().collect())
    }

    /// The images that the registry has under a tag.
    pub(super) fn tagged(&self, tag: &str) -> Result<BTreeSet<String>> {
        let mut found = images()?;
        found.retain(|image| self.scratch.path("packages/registry").join(format!("ghcr.io_somebody_{image}:{tag}")).exists());
        Ok(found)
    }
}

/// What GitHub sends.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) name: &'a str,
    pub(super) payload: Value,
    pub(super) changed: &'a [&'a str],
    /// Whose secrets and variables there are.
    pub(super) environment: Option<&'a str>,
    /// The workflow that is asked for, if one is.
    pub(super) only: Option<&'a str>,
}

fn kubeconfig(environment: &str) -> String {
    format!("kubeconfig-of-{environment}")
}

/// The actions of others that the workflows use, each with its commit.
fn actions() -> Result<BTreeSet<String>> {
    let all = workflows()?;
    let uses = all.values().flat_map(Workflow::steps).filter_map(|(_, step)| step["uses"].as_str());
    Ok(uses.map(str::to_owned).collect())
}
