//! What the steps do: each is run as GitHub runs it, with stand-ins that note how they were called.
//!
//! An expression of GitHub's has its own words as its value here, so that a line says where each value comes from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Scratch, Workflow, said, workflow, workflows};
use crate::workspace::root;

/// Every step of every workflow, in the order of files and of steps.
const CALLS: &str = "\
build.yml build: scripts/build-images.sh --registry ghcr.io/github.repository_owner --tag github.sha inputs.app
build.yml build: scripts/inspect-images.sh --registry ghcr.io/github.repository_owner --tag github.sha inputs.app
build.yml build, if inputs.push: docker login ghcr.io --username somebody --password-stdin < secrets.GITHUB_TOKEN
build.yml build, if inputs.push: scripts/push-images.sh --registry ghcr.io/github.repository_owner --tag github.sha inputs.app
build.yml join: docker login ghcr.io --username somebody --password-stdin < secrets.GITHUB_TOKEN
build.yml join: scripts/join-images.sh --registry ghcr.io/github.repository_owner --tag github.sha inputs.app
ci.yaml test: scripts/test.sh
ci.yaml secrets: scripts/scan-secrets.sh
ci.yaml dependencies: scripts/check-dependencies.sh
deploy-cloud.yaml deploy: scripts/check-environment.sh CLUSTER_KUBECONFIG HOST MAIL
deploy-cloud.yaml deploy: nothing
deploy-cloud.yaml deploy: scripts/deploy-cloud.sh --overlay k8s/inputs.target --host vars.HOST --mail vars.MAIL --registry ghcr.io/github.repository_owner --tag inputs.tag
deploy-cloud.yaml deploy, if failure() && steps.deploy.outcome == 'failure': kubectl --namespace outrigger get pods,events --output wide
deploy-local.yaml deploy: scripts/deploy-local.sh --cluster minikube
deploy-local.yaml deploy: minikube ip
deploy-local.yaml deploy: scripts/validate-deployment.sh --url http://outrigger.local --address 192.0.2.1
deploy-local.yaml deploy, if failure(): kubectl --namespace outrigger get pods,events --output wide
deploy-production.yml gate: docker login ghcr.io --username somebody --password-stdin < secrets.GITHUB_TOKEN
deploy-production.yml gate: scripts/check-images.sh --stage staging --registry ghcr.io/github.repository_owner --tag inputs.sha
deploy-production.yml staging: scripts/check-environment.sh CLUSTER_KUBECONFIG HOST
deploy-production.yml staging: nothing
deploy-production.yml staging: scripts/validate-deployment.sh --url https://vars.HOST --alerts --patience 300
deploy-staging.yml passed: docker login ghcr.io --username somebody --password-stdin < secrets.GITHUB_TOKEN
deploy-staging.yml passed: scripts/mark-images.sh --stage staging --registry ghcr.io/github.repository_owner --tag github.event.workflow_run.head_sha
";

/// Notes its name and arguments, and what it reads where it says that it reads.
const RECORDER: &str = r#"#!/bin/sh
{
  printf '%s' "${0#"$SCRATCH"/}" | sed 's|^bin/||'
  [ $# = 0 ] || printf ' %s' "$@"
  case "$*" in *--password-stdin*) printf ' < %s' "$(cat)" ;; esac
  echo
} >>"$SCRATCH/log"
case "$0 $*" in *"/minikube ip") echo 192.0.2.1 ;; esac
"#;

fn recorders() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    for entry in std::fs::read_dir(root()?.join("scripts"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".sh") {
            scratch.program(&format!("scripts/{name}"), RECORDER)?;
        }
    }
    for name in ["docker", "kubectl", "minikube"] {
        scratch.program(&format!("bin/{name}"), RECORDER)?;
    }
    Ok(scratch)
}

/// What a step finds in its environment: the workflow's, the job's, its own.
fn environment(workflow: &Workflow, job: &str, step: &Value) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for level in [&workflow.yaml["env"], &workflow.job(job)?["env"], &step["env"]] {
        for (name, value) in level.as_object().into_iter().flatten() {
            let value = value.as_str().with_context(|| format!("{name} is no text"))?;
            all.insert(name.clone(), value.replace("${{ ", "").replace(" }}", ""));
        }
    }
    Ok(all)
}

/// Runs a step, and gives what was called. GitHub's own shell is `bash -e`.
fn run(scratch: &Scratch, workflow: &Workflow, job: &str, step: &Value, more: &[(&str, &str)]) -> Result<String> {
    let mut command = scratch.command("bash");
    command.args(["--noprofile", "--norc", "-e", "-c", step["run"].as_str().context("a step that runs")?]);
    command.env("GITHUB_ACTOR", "somebody").envs(environment(workflow, job, step)?).envs(more.iter().copied());
    let output = command.output()?;
    ensure!(output.status.success(), "{} {job}: {step}: {}", workflow.file, said(&output));
    scratch.log()
}

/// Tried: arguments of two scripts exchanged, `--stage production` in the gate, the password as an argument, staging's mark with `github.sha`.
#[test]
fn contract_the_steps_call_the_scripts_with_what_belongs_to_them() -> Result<()> {
    let scratch = recorders()?;
    std::fs::create_dir(scratch.path("runner.temp"))?;
    let mut calls = String::new();
    for workflow in workflows()?.values() {
        for (job, step) in workflow.steps().filter(|(_, step)| step["uses"].is_null()) {
            let only = step["if"].as_str().map(|condition| format!(", if {condition}")).unwrap_or_default();
            let called = run(&scratch, workflow, job, step, &[])?;
            for call in called.lines().chain(called.is_empty().then_some("nothing")) {
                writeln!(calls, "{} {job}{only}: {call}", workflow.file)?;
            }
        }
    }
    let differs = calls.lines().zip(CALLS.lines()).find(|(is, wanted)| is != wanted);
    ensure!(calls == CALLS, "{differs:?} in\n{calls}");
    Ok(())
}

/// Tried: without `-m 600`, another file for kubectl than for the secret.
#[test]
fn contract_the_kubeconfig_is_for_its_owner_only_and_where_kubectl_looks() -> Result<()> {
    let (scratch, cloud) = (recorders()?, workflow("deploy-cloud.yaml")?);
    std::fs::create_dir(scratch.path("runner.temp"))?;
    let steps: Vec<_> = cloud.steps().collect();
    let (job, writes) = steps[2];
    run(&scratch, &cloud, job, writes, &[])?;
    let file = scratch.path("runner.temp/kubeconfig");
    ensure!(std::fs::read_to_string(&file)? == "secrets.CLUSTER_KUBECONFIG\n");
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "{:?}", std::fs::metadata(&file)?.permissions());
    for (_, step) in &steps[3..] {
        ensure!(step["env"]["KUBECONFIG"] == writes["env"]["KUBECONFIG"], "{step}");
    }
    Ok(())
}

/// Tried: `"$APP"` for `${APP:+"$APP"}`, which asks for an app without a name; `$REGISTRY` for `${REGISTRY,,}`.
#[test]
fn contract_without_an_app_all_are_built_whatever_the_owner_is_called() -> Result<()> {
    let (scratch, build) = (recorders()?, workflow("build.yml")?);
    let (job, step) = build.steps().find(|(_, step)| step["run"].is_string()).context("a step")?;
    let called = run(&scratch, &build, job, step, &[("APP", ""), ("REGISTRY", "ghcr.io/Somebody")])?;
    ensure!(called == "scripts/build-images.sh --registry ghcr.io/somebody --tag github.sha\n", "{called}");
    Ok(())
}
