//! The workflows, run: by act, another implementation of GitHub's runner, on this machine. The story plays GitHub: it sends the events, each when
//! GitHub would, and what a run did is read from what its steps called. Which workflows an event starts is what `scripts/act/starts` says.
//!
//! Real are expressions, conditions, inputs, secrets, the order of jobs, the shell of each step, the checkout (git, of the commit that is asked for)
//! and the scripts that decide: `check-environment.sh`, `push-images.sh`, `join-images.sh`, `mark-images.sh`, `check-images.sh`, `deploy-cloud.sh`.
//! What takes long only notes that it was called, the registry and the two clusters are files, and the two actions of GitHub's are stood in for.
//!
//! Nobody sees here what act does not know: permissions; concurrency; environments, with their reviewers and values of their own, so that a run for
//! production asks staging at production's address; the token of a called workflow, which GitHub gives it unasked; and whether a job waits for a
//! called workflow that failed, because act then ends the run. `shape.rs` reads these, but for concurrency, which nobody does.

mod github;
mod stand_ins;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use self::github::{Event, GitHub};
use super::images;

/// What no commit is without.
const CHECKED: &str = "\
ci/dependencies: checkout good
ci/dependencies: scripts/check-dependencies.sh
ci/secrets: checkout good, with its history
ci/secrets: scripts/scan-secrets.sh
ci/test: checkout good
ci/test: cache ~/.cache/outrigger
ci/test: scripts/test.sh
";

const LOCAL: &str = "\
deploy-local/deploy: checkout good
deploy-local/deploy: scripts/deploy-local.sh --cluster minikube
deploy-local/deploy: minikube ip
deploy-local/deploy: scripts/validate-deployment.sh --url http://outrigger.local --address 192.0.2.1
";

/// The token is missing here only: see above.
const PUSHED: &str = "\
build/build: checkout good (twice)
build/build: scripts/build-images.sh --registry ghcr.io/somebody --tag good (twice)
build/build: scripts/inspect-images.sh --registry ghcr.io/somebody --tag good (twice)
build/build: docker login ghcr.io --username somebody --password-stdin < nothing (twice)
build/join: checkout good
build/join: docker login ghcr.io --username somebody --password-stdin < nothing
";

/// Staging has the manifests and scripts of the commit, though main has another by now.
const STAGING: &str = "\
deploy-cloud/deploy: checkout good
deploy-cloud/deploy: scripts/validate-deployment.sh --url https://staging.example.org
deploy-staging/passed: checkout later
deploy-staging/passed: docker login ghcr.io --username somebody --password-stdin < a-token
";

const PRODUCTION: &str = "\
deploy-cloud/deploy: checkout good
deploy-cloud/deploy: scripts/validate-deployment.sh --url https://production.example.org
deploy-production/gate: checkout later
deploy-production/gate: docker login ghcr.io --username somebody --password-stdin < a-token
deploy-production/staging: checkout later
deploy-production/staging: scripts/validate-deployment.sh --url https://production.example.org --alerts --patience 300
";

const LOOKS: &str = "deploy-cloud/deploy: kubectl --namespace outrigger get pods,events --output wide";

/// One commit all the way, one that never gets ready, and one that only production finds unwell.
/// Tried: `needs` of `join` and of the question to staging taken out, `push` forgotten, one processor, the scan without its history; staging with
/// `github.sha` for its deployment and for its mark, and without `secrets: inherit`; `target: staging` for production; deploy-cloud.yaml without
/// `ref`, without `MAIL`, with `|| true` and with `continue-on-error` at its deployment, and its look at the pods without a condition.
#[test]
fn contract_a_commit_goes_by_ci_and_staging_to_production_and_a_broken_one_comes_back() -> Result<()> {
    let mut github = GitHub::new()?;
    github.commit("good")?;
    let ci = github.push("main", "good")?;
    ensure!(ci.started == ["ci.yaml"], "{:?}", ci.started);
    ci.did(&[PUSHED, CHECKED, LOCAL].concat())?;
    ci.waited("build/build", &["ci/test", "ci/secrets", "ci/dependencies", "deploy-local/deploy"])?;
    ci.waited("build/join", &["build/build"])?;
    for tag in ["latest", github.sha("good")?] {
        ensure!(github.tagged(tag)? == images()?, "{tag}: {:?}", github.tagged(tag)?);
    }

    github.commit("later")?;
    let staging = github.completed(&ci, "good")?;
    ensure!(staging.started == ["deploy-staging.yml"], "{:?}", staging.started);
    staging.did(STAGING)?;
    staging.waited("deploy-staging/passed", &["deploy-cloud/deploy"])?;
    ensure!(github.runs("staging")? == ["good"] && github.runs("production")? == ["earlier"]);
    ensure!(github.tagged(&format!("staging-{}", github.sha("good")?))? == images()?, "staging's word is missing");

    let production = github.dispatch("good")?;
    production.did(PRODUCTION)?;
    production.waited("deploy-production/staging", &["deploy-production/gate"])?;
    production.waited("deploy-cloud/deploy", &["deploy-production/staging"])?;
    ensure!(github.runs("production")? == ["good"], "{:?}", github.runs("production")?);

    github.commit("broken")?;
    github.env.insert("BROKEN", github.sha("broken")?.to_owned());
    let ci = github.push("main", "broken")?;
    ensure!(ci.succeeded, "{}", ci.says);
    let staging = github.completed(&ci, "broken")?;
    staging.failed("of broken did not become ready; the release before runs again", &["deploy-cloud/deploy"])?;
    ensure!(staging.calls.last().is_some_and(|call| call == LOOKS), "{:?}", staging.calls);
    let production = github.dispatch("broken")?;
    production.failed("broken may not go beyond staging", &["deploy-production/gate"])?;
    ensure!(github.runs("staging")? == ["good"] && github.runs("production")? == ["good"]);

    github.commit("unwell")?;
    let ci = github.push("main", "unwell")?;
    let staging = github.completed(&ci, "unwell")?;
    ensure!(staging.succeeded && github.runs("staging")? == ["unwell"], "{}", staging.says);
    github.env.insert("FAILS", "scripts/validate-deployment.sh --url https://production.example.org".to_owned());
    let production = github.dispatch("unwell")?;
    let jobs = ["deploy-cloud/deploy", "deploy-production/gate", "deploy-production/staging"];
    production.failed("the validation of unwell failed; the release before runs again", &jobs)?;
    ensure!(production.calls.last().is_some_and(|call| call == LOOKS), "{:?}", production.calls);
    ensure!(github.runs("production")? == ["good"], "{:?}", github.runs("production")?);
    Ok(())
}

/// What fails keeps back all that needs it, in its run and in those that follow.
/// Tried: `test` and `secrets` taken out of the `needs` of `images`, `always()` before its condition, `continue-on-error` at the tests;
/// `conclusion` not asked by staging, `needs: deploy` taken out there; `needs: gate` for the deployment to production; the look at the
/// pods after any failure.
/// Not seen: `local` taken out of the `needs` of `images` (act ends the run).
#[test]
fn contract_a_red_step_stops_what_comes_after_it_in_this_run_and_the_next() -> Result<()> {
    let mut github = GitHub::new()?;
    github.commit("good")?;
    let checks = ["ci/dependencies", "ci/secrets", "ci/test", "deploy-local/deploy"];
    let with_build = [&["build/build"][..], &checks].concat();
    for (fails, jobs) in [
        ("scripts/test.sh", &checks[..]),
        ("scripts/scan-secrets.sh", &checks),
        ("scripts/check-dependencies.sh", &checks),
        ("scripts/validate-deployment.sh *", &checks),
        ("scripts/inspect-images.sh *", &with_build),
    ] {
        github.env.insert("FAILS", fails.to_owned());
        let ci = github.push("main", "good")?;
        ci.failed("it says no", jobs).context(fails)?;
        ensure!(!ci.jobs().contains("docker login"), "{fails}: {}", ci.jobs());
        let staging = github.completed(&ci, "good")?;
        ensure!(staging.calls.is_empty(), "{fails}: {:?}", staging.calls);
    }

    github.env.remove("FAILS");
    let ci = github.push("main", "good")?;
    let nothing = github.event(&Event { environment: None, ..github.ended("ci", "main", "push", true, "good")? })?;
    nothing.failed("missing: CLUSTER_KUBECONFIG HOST MAIL", &["deploy-cloud/deploy"])?;
    ensure!(nothing.calls == ["deploy-cloud/deploy: checkout good"], "{:?}", nothing.calls);

    // Only what staging has found well has its word.
    github.env.insert("FAILS", "scripts/validate-deployment.sh *".to_owned());
    github.completed(&ci, "good")?.failed("the validation of good failed", &["deploy-cloud/deploy"])?;
    github.dispatch("good")?.failed("good may not go beyond staging", &["deploy-production/gate"])?;
    github.env.remove("FAILS");
    ensure!(github.completed(&ci, "good")?.succeeded);
    github.env.insert("FAILS", "*--alerts*".to_owned());
    let jobs = ["deploy-production/gate", "deploy-production/staging"];
    github.dispatch("good")?.failed("it says no", &jobs)?;
    ensure!(github.runs("production")? == ["earlier"], "{:?}", github.runs("production")?);
    Ok(())
}

/// What a pull request, another branch and somebody by hand start, and what they do not. On main a change of documents alone is as any other.
/// Tried: the condition of `local` taken out, those of `join` and of the sign-in and push; `branches: ["**"]`, another workflow more that staging
/// follows, `event` not asked by it; `apps/tasks/**` taken out of docker-tasks.yaml, `k8s/**` of deploy-local.yaml. Not seen: the condition of
/// `images` taken out, which nobody misses, because in a pull request what it needs is skipped.
#[test]
fn contract_an_event_starts_what_is_for_it_and_nothing_else() -> Result<()> {
    let mut github = GitHub::new()?;
    github.commit("good")?;
    let documents = github.pull_request(&["README.md", "docs/cicd.md"])?;
    ensure!(documents.started == ["ci.yaml"], "{:?}", documents.started);
    documents.did(CHECKED)?;

    let app = github.pull_request(&["docs/cicd.md", "apps/tasks/src/store/create.sql"])?;
    ensure!(app.started == ["ci.yaml", "docker-tasks.yaml"], "{:?}", app.started);
    let built = "\
build/build: checkout good (twice)
build/build: scripts/build-images.sh --registry ghcr.io/somebody --tag good tasks (twice)
build/build: scripts/inspect-images.sh --registry ghcr.io/somebody --tag good tasks (twice)
";
    app.did(&[built, CHECKED].concat())?;

    let manifests = github.pull_request(&["k8s/base/hpa.yaml"])?;
    ensure!(manifests.started == ["ci.yaml", "deploy-local.yaml"], "{:?}", manifests.started);
    manifests.did(&[CHECKED, LOCAL].concat())?;

    ensure!(github.push("somebody/branch", "good")?.started.is_empty());
    for (workflow, branch) in [("ci", "somebody/branch"), ("deploy-local", "main")] {
        let run = github.event(&github.ended(workflow, branch, "push", true, "good")?)?;
        ensure!(run.started.is_empty(), "{workflow} on {branch}: {:?}", run.started);
    }
    // From the main of somebody's fork, it has the name of ours.
    let fork = github.event(&github.ended("ci", "main", "pull_request", true, "good")?)?;
    ensure!(fork.succeeded && fork.calls.is_empty(), "{:?}", fork.calls);

    let (payload, only) = (json!({ "ref": "refs/heads/main" }), Some("deploy-local.yaml"));
    github.event(&Event { name: "workflow_dispatch", payload, only, ..Event::default() })?.did(LOCAL)
}
