//! What the workflows are: readable by GitHub, pinned, without rights or secrets that they do not need, in the order that `docs/cicd.md` tells.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{images, said, scripts_in, well, workflow, workflows};
use crate::workspace::root;

/// The jobs that may do more than read the repository.
const MORE: &[(&str, &str, &str)] = &[
    // Called, they can give no more than their caller has.
    ("ci.yaml", "images", "write"),
    ("deploy-staging.yml", "passed", "write"),
    ("deploy-production.yml", "gate", "read"),
];

fn document() -> Result<String> {
    Ok(std::fs::read_to_string(root()?.join("docs/cicd.md"))?)
}

/// Tried: a job that needs one that is not there, `runs-on: ubuntu-20`, an input that build.yml has not, `${{ secret.X }}`, an unquoted `$TAG`.
#[test]
fn contract_actionlint_finds_nothing_in_the_workflows() -> Result<()> {
    well(Command::new("scripts/lint-workflows.sh").current_dir(root()?))?;
    Ok(())
}

/// Tried: `@v7`, a short hash, no version behind it, two hashes of one action, an action of somebody else, no `persist-credentials`.
#[test]
fn contract_every_action_is_known_pinned_and_leaves_no_token_behind() -> Result<()> {
    let known = ["actions/cache", "actions/checkout"];
    let mut pins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for workflow in workflows()?.values() {
        for line in workflow.text.lines() {
            let Some((_, uses)) = line.trim().trim_start_matches("- ").split_once("uses: ").filter(|(key, _)| key.is_empty())
            else {
                continue;
            };
            if let Some(file) = uses.strip_prefix("./") {
                ensure!(root()?.join(file).is_file(), "{}: {file} does not exist", workflow.file);
                continue;
            }
            let (action, pin) = uses.split_once('@').with_context(|| format!("{}: {line}", workflow.file))?;
            let (hash, version) = pin.split_once(" # v").with_context(|| format!("{}: no version: {line}", workflow.file))?;
            let full = hash.len() == 40 && hash.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
            ensure!(full && version.split('.').count() == 3, "{}: not pinned: {line}", workflow.file);
            pins.entry(action.to_owned()).or_default().insert(pin.to_owned());
        }
        for (job, step) in workflow.steps() {
            let action = step["uses"].as_str().unwrap_or_default();
            let forgets = step["with"]["persist-credentials"] == false;
            ensure!(!action.starts_with("actions/checkout@") || forgets, "{} {job} leaves its token in the clone", workflow.file);
        }
    }
    ensure!(pins.keys().eq(known), "{:?}", pins.keys());
    ensure!(pins.values().all(|pins| pins.len() == 1), "one action, several pins: {pins:?}");
    Ok(())
}

/// Nothing by default, and each job what it needs. Tried: `permissions: write-all`, none at all, `packages: write` for a job more and a job
/// less, permissions in build.yml, which would be asked for by those who only build, and a way to start build.yml without a caller.
#[test]
fn contract_every_job_has_the_permissions_that_it_needs_and_no_other() -> Result<()> {
    for workflow in workflows()?.values() {
        if workflow.file == "build.yml" {
            // It has those of its callers, so it must have callers only.
            ensure!(workflow.starts() == BTreeSet::from(["workflow_call"]), "{:?}", workflow.starts());
            ensure!(!workflow.text.contains("permissions:"), "build.yml takes its callers' permissions");
            continue;
        }
        ensure!(workflow.yaml["permissions"] == json!({}), "{}: {}", workflow.file, workflow.yaml["permissions"]);
        for (job, value) in workflow.jobs() {
            let mut wanted = json!({ "contents": "read" });
            if let Some((.., packages)) = MORE.iter().find(|(file, name, _)| *file == workflow.file && name == job) {
                wanted["packages"] = json!(packages);
            }
            ensure!(value["permissions"] == wanted, "{} {job}: {}", workflow.file, value["permissions"]);
        }
    }
    for (file, job, _) in MORE {
        workflow(file)?.job(job)?;
    }
    Ok(())
}

/// A job that hangs ends, and nothing runs on an image that moves under it. Tried: one `timeout-minutes` taken out, `ubuntu-latest`.
#[test]
fn contract_every_job_has_an_end_and_a_named_machine() -> Result<()> {
    for workflow in workflows()?.values() {
        for (job, value) in workflow.jobs().filter(|(_, value)| value["uses"].is_null()) {
            ensure!(value["timeout-minutes"].is_u64(), "{} {job} may run for ever", workflow.file);
            let machines = format!("{} {}", value["runs-on"], value["strategy"]["matrix"]["runner"]);
            ensure!(machines.contains("ubuntu-24.04") && !machines.contains("latest"), "{} {job}: {machines}", workflow.file);
        }
    }
    Ok(())
}

/// The names behind `secrets.` and `vars.` in a text, but not behind `scripts/scan-secrets.`.
fn values_in(text: &str) -> BTreeSet<(String, &'static str)> {
    let of_a_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found = BTreeSet::new();
    for (context, kind) in [("secrets.", "secret"), ("vars.", "variable")] {
        for (at, _) in text.match_indices(context) {
            let (before, behind) = (&text[..at], &text[at + context.len()..]);
            if !before.ends_with(|letter| of_a_name(letter) || letter == '-') {
                let name = behind.split(|letter| !of_a_name(letter)).next().unwrap_or_default();
                found.insert((name.to_owned(), kind));
            }
        }
    }
    found
}

/// The table of `docs/cicd.md` is the list. Tried: a row taken out, a row too many, a secret called a variable, `${{ secrets.OTHER }}` in a step.
#[test]
fn contract_the_secrets_and_variables_of_the_workflows_are_those_of_the_document() -> Result<()> {
    let document = document()?;
    let rows = document.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let kind = ["secret", "variable"].into_iter().find(|kind| cells.get(2) == Some(kind))?;
        Some((cells.get(1)?.trim_matches('`').to_owned(), kind))
    });
    let listed: BTreeSet<(String, &str)> = rows.collect();
    let used: BTreeSet<(String, &str)> = workflows()?.values().flat_map(|workflow| values_in(&workflow.text)).collect();
    ensure!(listed == used, "docs/cicd.md lists {listed:?}, and the workflows use {used:?}");
    Ok(())
}

/// A deployment's first step names what is missing, so it must be asked for all that the later ones use; nobody else gets an environment's
/// secrets. Tried: `MAIL` left out, the step moved behind the deployment, `secrets: inherit` in ci.
#[test]
fn contract_a_deployment_begins_by_asking_for_all_that_it_needs() -> Result<()> {
    for workflow in workflows()?.values() {
        for (job, value) in workflow.jobs() {
            let deploys = value["uses"] == "./.github/workflows/deploy-cloud.yaml";
            ensure!(value["secrets"].is_null() || deploys, "{} {job} passes its secrets on", workflow.file);
            let needed = values_in(&value.to_string()).into_iter().map(|(name, _)| name).filter(|name| name != "GITHUB_TOKEN");
            let needed: BTreeSet<String> = needed.collect();
            if needed.is_empty() {
                continue;
            }
            let first = &value["steps"][1];
            let asked =
                first["run"].as_str().and_then(|run| run.strip_prefix("scripts/check-environment.sh ")).unwrap_or_default();
            let asked: BTreeSet<String> = asked.split_whitespace().map(str::to_owned).collect();
            ensure!(asked == needed, "{} {job} asks for {asked:?}, and needs {needed:?}", workflow.file);
            for name in &asked {
                let given = first["env"][name].as_str().unwrap_or_default();
                let right = [format!("${{{{ secrets.{name} }}}}"), format!("${{{{ vars.{name} }}}}")];
                ensure!(right.iter().any(|right| right == given), "{} {job}: {name} is {given:?}", workflow.file);
            }
        }
    }
    Ok(())
}

/// Tried: a workflow without its row, a row of a workflow that is gone, a script in a step that the document does not tell of, one that is
/// not there, one that is not executable.
#[test]
fn contract_the_document_names_every_workflow_and_script_and_nothing_else() -> Result<()> {
    let (document, workflows) = (document()?, workflows()?);
    let quoted = document.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".yml") || name.ends_with(".yaml"));
    let mut named: BTreeSet<String> = quoted.map(str::to_owned).collect();
    ensure!(named.remove("docker-<app>.yaml"), "the document does not tell of images");
    named.extend(images()?.into_iter().map(|image| format!("docker-{image}.yaml")));
    ensure!(workflows.keys().eq(&named), "docs/cicd.md names {named:?}");
    let told = scripts_in(&document);
    for workflow in workflows.values() {
        for script in scripts_in(&workflow.runs().collect::<Vec<_>>().join("\n")) {
            ensure!(told.contains(&script), "{} runs {script}, of which docs/cicd.md does not tell", workflow.file);
        }
        for path in scripts_in(&workflow.text).iter().chain(&told) {
            let file = std::fs::metadata(root()?.join(path)).with_context(|| format!("{path} does not exist"))?;
            ensure!(path.contains("/_") || file.permissions().mode() & 0o111 != 0, "{path} cannot be run");
        }
        ensure!(workflow.yaml["name"] == json!(workflow.file.split('.').next()), "{}: {}", workflow.file, workflow.yaml["name"]);
    }
    Ok(())
}

/// What decides is in scripts, which are tested. A value that somebody else may choose, such as a branch's name, comes to the shell as a
/// variable and never as a part of it. Tried: `${{ inputs.sha }}` in a step, an `if` of the shell without its `fi`, `$HOST` without quotes,
/// an option that the script has not, a second line.
#[test]
fn contract_every_step_is_one_line_of_good_shell_that_calls_what_there_is() -> Result<()> {
    let mut lines = 0;
    for workflow in workflows()?.values() {
        for (_, step) in workflow.steps().filter(|(_, step)| step["uses"].is_null()) {
            let run = step["run"].as_str().with_context(|| format!("{}: {step}", workflow.file))?;
            ensure!(!run.contains("${{"), "{}: {run:?} has an expression in it", workflow.file);
            ensure!(!run.contains('\n') && step["shell"].is_null(), "{}: {run:?} is a script of its own", workflow.file);
            for checker in [&["bash", "-n"][..], &["shellcheck", "--shell=bash", "-"]] {
                let mut child =
                    Command::new(checker[0]).args(&checker[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
                child.stdin.take().context("its input")?.write_all(run.as_bytes())?;
                let output = child.wait_with_output()?;
                ensure!(output.status.success(), "{}: {run:?}: {}", workflow.file, said(&output));
            }
            if let Some(script) = scripts_in(run).first() {
                let help = well(Command::new(root()?.join(script)).arg("--help").current_dir(root()?))
                    .or_else(|_| std::fs::read_to_string(root()?.join(script)).map_err(anyhow::Error::from))?;
                for option in run.split_whitespace().filter(|word| word.starts_with("--")) {
                    ensure!(help.contains(option), "{}: {script} has no {option}", workflow.file);
                }
            }
            lines += 1;
        }
    }
    ensure!(lines > 10, "{lines} steps were read");
    Ok(())
}

/// Tried: none, one of a workflow that is not there, one under another name, one that shows another than it leads to.
#[test]
fn contract_the_readme_shows_the_state_of_each_pipeline() -> Result<()> {
    let readme = std::fs::read_to_string(root()?.join("README.md"))?;
    let found: Vec<&str> = readme.lines().filter(|line| line.contains("badge.svg")).collect();
    let mut wanted = Vec::new();
    for file in ["ci.yaml", "deploy-staging.yml", "deploy-production.yml"] {
        let name = workflow(file)?.yaml["name"].as_str().unwrap_or_default().to_owned();
        let page = format!("../../actions/workflows/{file}");
        wanted.push(format!("[![{name}]({page}/badge.svg)]({page})"));
    }
    ensure!(found == wanted, "the README has {found:#?}, and should have {wanted:#?}");
    Ok(())
}

fn needs(job: &Value) -> BTreeSet<&str> {
    let list = job["needs"].as_array().into_iter().flatten().chain(Some(&job["needs"]));
    list.filter_map(Value::as_str).collect()
}

/// Images are of commits on main that passed everything, which includes a deployment. Tried: each name taken out of `needs`, the condition of
/// `images` taken out, `push` forgotten, `branches: [master]`, `continue-on-error`, the scan without its history.
#[test]
fn contract_images_are_pushed_when_main_has_passed_everything() -> Result<()> {
    let ci = workflow("ci.yaml")?;
    ensure!(ci.starts() == BTreeSet::from(["push", "pull_request"]) && ci.yaml["on"]["push"]["branches"] == json!(["main"]));
    let job = ci.job("images")?;
    let others: BTreeSet<&str> = ci.jobs().map(|(name, _)| name.as_str()).filter(|name| *name != "images").collect();
    ensure!(others == BTreeSet::from(["test", "secrets", "dependencies", "local"]) && needs(job) == others, "{job}");
    ensure!(job["if"] == "github.event_name == 'push'" && job["uses"] == "./.github/workflows/build.yml", "{job}");
    ensure!(job["with"] == json!({ "push": true }), "{job}");
    ensure!(ci.job("local")?["uses"] == "./.github/workflows/deploy-local.yaml");
    for (name, value) in ci.jobs() {
        ensure!(value["continue-on-error"].is_null(), "{name} may fail without anybody knowing");
    }
    // Of all workflows, only this one makes build.yml push.
    let pushes = workflows()?.into_values().filter(|workflow| workflow.text.contains("push: true")).count();
    ensure!(pushes == 1, "{pushes} workflows push");
    let secrets = ci.steps().find(|(job, _)| *job == "secrets").context("the scan")?.1;
    ensure!(secrets["with"]["fetch-depth"] == 0, "the scan sees the last commit only");
    Ok(())
}

/// Tried: the name of ci changed, `conclusion` not asked, `event` not asked, another commit than the one that passed, `needs` taken out.
#[test]
fn contract_staging_follows_ci_on_main_with_the_same_commit() -> Result<()> {
    let staging = workflow("deploy-staging.yml")?;
    let follows = json!({ "workflow_run": { "workflows": [workflow("ci.yaml")?.yaml["name"]], "types": ["completed"], "branches": ["main"] } });
    ensure!(staging.yaml["on"] == follows, "{}", staging.yaml["on"]);
    let deploy = staging.job("deploy")?;
    let only = "github.event.workflow_run.conclusion == 'success' && github.event.workflow_run.event == 'push'";
    ensure!(deploy["if"] == only && deploy["uses"] == "./.github/workflows/deploy-cloud.yaml", "{deploy}");
    let commit = "${{ github.event.workflow_run.head_sha }}";
    ensure!(deploy["with"] == json!({ "target": "staging", "tag": commit }), "{deploy}");
    let passed = staging.job("passed")?;
    ensure!(needs(passed) == BTreeSet::from(["deploy"]) && passed["if"].is_null(), "{passed}");
    Ok(())
}

/// Tried: `needs: gate` and `needs: staging` taken out, `environment: production` in the question to staging, `environment` taken out of deploy-cloud.yaml, `target: staging`, a push as a start, `if: always()`.
#[test]
fn contract_production_waits_for_the_gate_and_for_its_environment() -> Result<()> {
    let production = workflow("deploy-production.yml")?;
    ensure!(production.starts() == BTreeSet::from(["workflow_dispatch"]), "{:?}", production.starts());
    ensure!(production.yaml["on"]["workflow_dispatch"]["inputs"]["sha"]["required"] == true);
    let deploy = production.job("deploy")?;
    // In this order: staging has passed the images, staging is well and no alert fires there, somebody agrees.
    let staging = production.job("staging")?;
    ensure!(needs(staging) == BTreeSet::from(["gate"]) && staging["if"].is_null(), "{staging}");
    ensure!(staging["environment"] == "staging", "{staging}");
    ensure!(needs(deploy) == BTreeSet::from(["staging"]) && deploy["if"].is_null(), "{deploy}");
    ensure!(deploy["uses"] == "./.github/workflows/deploy-cloud.yaml", "{deploy}");
    ensure!(deploy["with"] == json!({ "target": "production", "tag": "${{ inputs.sha }}" }), "{deploy}");
    let cloud = workflow("deploy-cloud.yaml")?;
    ensure!(cloud.starts() == BTreeSet::from(["workflow_call"]), "{:?}", cloud.starts());
    ensure!(cloud.jobs().count() == 1 && cloud.job("deploy")?["environment"] == "${{ inputs.target }}", "nobody is asked");
    let checkout = &cloud.job("deploy")?["steps"][0];
    ensure!(checkout["with"]["ref"] == "${{ inputs.tag }}", "other manifests than the commit's: {checkout}");
    Ok(())
}
