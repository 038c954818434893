//! What the scripts decide that only workflows call: who may pass, and what nobody may miss. They are real; docker, kubectl and cargo stand in.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use uuid::Uuid;

use super::{Scratch, images, said, well};

/// A registry of files: what stands in one is the digest of what it names.
pub(super) const DOCKER: &str = r#"#!/bin/bash
set -eu
echo "docker $*" >>"$SCRATCH/log"
mkdir -p "$SCRATCH/registry"
file() { printf '%s/registry/%s' "$SCRATCH" "${1//\//_}"; }
case "$1 ${2-} ${3-}" in
  "version "*) echo "${PROCESSOR:?}" ;;
  "tag "*) ;;
  "push "*) echo "sha256:$2 of ${BUILD:-the first build}" >"$(file "$2")" ;;
  "buildx imagetools inspect") cat "$(file "${!#}")" 2>/dev/null || { echo "${!#}: not found" >&2; exit 1; } ;;
  "buildx imagetools create")
    shift 3
    tags=() sources=()
    while (($#)); do
      case $1 in
        --tag) tags+=("$2"); shift 2 ;;
        --prefer-index=false) shift ;;
        *) sources+=("$(file "$1")"); shift ;;
      esac
    done
    made=$(cat "${sources[@]}")
    for tag in "${tags[@]}"; do echo "$made" >"$(file "$tag")"; done
    ;;
  *) echo "what is docker $*?" >&2; exit 64 ;;
esac
"#;

const COMMIT: &str = "53b3f5f1d5c0e2a9b8c7d6e5f4a3b2c1d0e9f8a7";

/// A script on the images of this commit.
fn on_images(scratch: &Scratch, script: &str, more: &[&str], env: &[(&str, &str)]) -> Result<Output> {
    let mut command = scratch.script(script, &["--registry", "ghcr.io/somebody", "--tag", COMMIT])?;
    Ok(command.args(more).envs(env.iter().copied()).output()?)
}

fn succeeds(output: &Output) -> Result<()> {
    ensure!(output.status.success(), "{}", said(output));
    Ok(())
}

/// What the gate refuses, a line each.
fn refused(scratch: &Scratch) -> Result<Vec<String>> {
    let output = on_images(scratch, "scripts/check-images.sh", &["--stage", "staging"], &[])?;
    let words = said(&output);
    let lines: Vec<String> = words.lines().filter_map(|line| Some(line.strip_prefix("refused: ")?.to_owned())).collect();
    ensure!(output.status.success() == lines.is_empty(), "{words}");
    ensure!(lines.is_empty() || words.contains(&format!("error: {COMMIT} may not go beyond staging")), "{words}");
    Ok(lines)
}

/// The way of a commit's images from two machines to the gate of production.
/// Tried: the gate without its comparison of digests, without its first question, with `exit 0`; marks of TAG without the stage; a join of one
/// processor only; a join that replaces what is there; tags without the processor, where the second machine's push wins.
#[test]
fn contract_production_takes_the_very_images_that_staging_passed_and_no_others() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.program("bin/docker", DOCKER)?;
    let file = |name: &str| scratch.path("registry").join(format!("ghcr.io_somebody_{name}"));
    let images = images()?;

    for processor in ["amd64", "arm64"] {
        succeeds(&on_images(&scratch, "scripts/push-images.sh", &[], &[("PROCESSOR", processor)])?)?;
        ensure!(!file(&format!("tasks:{COMMIT}")).exists(), "one processor's image goes under the name of both");
    }
    succeeds(&on_images(&scratch, "scripts/join-images.sh", &[], &[])?)?;
    for image in &images {
        let joined = std::fs::read_to_string(file(&format!("{image}:{COMMIT}")))?;
        ensure!(joined.lines().count() == 2 && joined.contains("-amd64 of") && joined.contains("-arm64 of"), "{joined}");
        ensure!(std::fs::read_to_string(file(&format!("{image}:latest")))? == joined, "latest of {image} is another");
    }

    let all = refused(&scratch)?;
    ensure!(all.len() == images.len() && all.iter().all(|line| line.ends_with("has not passed staging")), "{all:?}");
    succeeds(&on_images(&scratch, "scripts/mark-images.sh", &["--stage", "staging"], &[])?)?;
    ensure!(refused(&scratch)?.is_empty());
    let other = on_images(&scratch, "scripts/check-images.sh", &["--stage", "production"], &[])?;
    ensure!(!other.status.success(), "a stage that nobody passed: {}", said(&other));

    // A second run of the same commit builds anew, and what staging passed stays what production gets.
    for processor in ["amd64", "arm64"] {
        let again = [("PROCESSOR", processor), ("BUILD", "a second build")];
        succeeds(&on_images(&scratch, "scripts/push-images.sh", &["tasks"], &again)?)?;
    }
    succeeds(&on_images(&scratch, "scripts/join-images.sh", &[], &[])?)?;
    ensure!(refused(&scratch)?.is_empty());

    std::fs::write(file(&format!("web:{COMMIT}")), "sha256:somebody's own\n")?;
    std::fs::remove_file(file(&format!("audit:staging-{COMMIT}")))?;
    let two = refused(&scratch)?;
    ensure!(two.len() == 2 && two[0].starts_with("audit:") && two[0].ends_with("has not passed staging"), "{two:?}");
    ensure!(two[1].starts_with(&format!("web:{COMMIT} is sha256:somebody's own, and what passed staging is sha256:")), "{two:?}");
    Ok(())
}

/// A registry that cannot be asked has passed nothing. Tried: `|| true` behind the whole check.
#[test]
fn contract_a_registry_that_does_not_answer_lets_nothing_pass() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.program("bin/docker", "#!/bin/sh\necho 'no route to host' >&2; exit 1\n")?;
    ensure!(refused(&scratch)?.len() == images()?.len());
    for (script, stage) in [("push", None), ("join", None), ("mark", Some("staging"))] {
        let stage: Vec<&str> = stage.into_iter().flat_map(|stage| ["--stage", stage]).collect();
        let output = on_images(&scratch, &format!("scripts/{script}-images.sh"), &stage, &[])?;
        ensure!(!output.status.success() && said(&output).contains("no route to host"), "{script}: {}", said(&output));
    }
    Ok(())
}

/// Tried: the check of needed options taken out, unknown options taken as images.
#[test]
fn contract_scripts_of_images_name_what_is_missing_or_unknown() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.program("bin/docker", DOCKER)?;
    for (arguments, words) in [
        (&["--stage", "staging", "--tag", "x"][..], "--registry is missing"),
        (&["--stage", "staging", "--registry", "r"], "--tag is missing"),
        (&["--registry", "r", "--tag", "x"], "--stage is missing"),
        (&["--stage"], "--stage needs a value"),
        (&["--force"], "unknown option --force"),
        (&["task"], "there is no app task"),
    ] {
        for script in ["scripts/check-images.sh", "scripts/mark-images.sh"] {
            let output = scratch.script(script, arguments)?.output()?;
            ensure!(!output.status.success() && said(&output).contains(words), "{script} {arguments:?}: {}", said(&output));
        }
    }
    ensure!(scratch.log()?.is_empty(), "docker was asked");
    Ok(())
}

/// Tried: only the first that is missing, `[[ -v` for `[[ -n`, which takes the empty text that GitHub gives for a secret that is not there.
#[test]
fn contract_each_missing_secret_is_named_and_none_is_shown() -> Result<()> {
    let scratch = Scratch::new()?;
    let mut command = scratch.script("scripts/check-environment.sh", &["CLUSTER_KUBECONFIG", "HOST", "MAIL"])?;
    let output = command.env("CLUSTER_KUBECONFIG", "canary").env("HOST", "").output()?;
    let words = said(&output);
    ensure!(!output.status.success() && words.contains("missing: HOST MAIL;") && !words.contains("canary"), "{words}");
    let output = command.env("HOST", "h").env("MAIL", "m").output()?;
    ensure!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{}", said(&output));
    Ok(())
}

/// A cluster in which tasks does not become ready before the others have gone back.
const KUBECTL: &str = r#"#!/bin/bash
echo "kubectl $*" >>"$SCRATCH/log"
case "$*" in
  *"get secrets"*) echo outrigger-{jwt,clients,redis,kafka,smtp,sms,db-tasks} ;;
  *"rollout undo deployment/tasks") touch "$SCRATCH/back" ;;
  *"rollout status deployment/tasks"*) [[ -e $SCRATCH/back ]] ;;
esac
"#;

/// What deploy-cloud.yaml trusts its one script with: a release that does not become ready goes back, whole, and the run is red and says why.
/// Tried: `|| true` for `|| back ...`, a rollback without its waiting, `exit` for `die` at the end of `back`.
#[test]
fn contract_a_release_that_does_not_become_ready_goes_back_and_the_run_is_red() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.program("bin/kubectl", KUBECTL)?;
    let options =
        ["--host", "tasks.example.org", "--mail", "admin@example.org", "--registry", "ghcr.io/somebody", "--tag", COMMIT];
    let output = scratch.script("scripts/deploy-cloud.sh", &options)?.output()?;
    let (words, log) = (said(&output), scratch.log()?);
    ensure!(!output.status.success(), "{words}");
    ensure!(words.contains(&format!("error: tasks of {COMMIT} did not become ready; the release before runs again")), "{words}");
    let calls: Vec<&str> = log.lines().map(|line| line.trim_start_matches("kubectl --namespace outrigger ")).collect();
    let place = |wanted: &str| calls.iter().position(|call| call.starts_with(wanted));
    let (apply, undo) = (place("apply --server-side"), place("rollout undo"));
    ensure!(apply.is_some() && apply < undo, "{log}");
    for image in images()?.iter().filter(|image| *image != "outrigger") {
        let back = place(&format!("rollout undo deployment/{image}"));
        let waited = calls.iter().rposition(|call| call.starts_with(&format!("rollout status deployment/{image}")));
        ensure!(back.is_some() && back < waited, "{image} did not go back: {log}");
    }
    Ok(())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main"];
    well(Command::new("git").args(who).arg("-C").arg(folder).args(arguments))
}

/// A canary: what looks like a token of GitHub's, of this run. Tried: the scan of the last commit only, without `--redact`, its verdict ignored,
/// the question after a shallow clone taken out.
#[test]
fn contract_a_secret_is_found_in_every_commit_and_not_shown() -> Result<()> {
    let scratch = Scratch::new()?;
    let clone = scratch.path("clone");
    std::fs::create_dir(&clone)?;
    git(&clone, &["init", "--quiet"])?;
    std::fs::write(clone.join("settings"), "nothing\n")?;
    git(&clone, &["add", "."])?;
    git(&clone, &["commit", "--quiet", "-m", "first"])?;
    // The real home, where the scanner is kept: it is built once a machine.
    let scan = |folder: &Path| {
        super::root().and_then(|root| Ok(Command::new(root.join("scripts/scan-secrets.sh")).arg(folder).output()?))
    };
    succeeds(&scan(&clone)?)?;

    let canary = format!("ghp_{}{}", Uuid::new_v4().simple(), &Uuid::new_v4().simple().to_string()[..4]);
    for text in [format!("token = \"{canary}\"\n"), "nothing\n".to_owned()] {
        std::fs::write(clone.join("settings"), text)?;
        git(&clone, &["commit", "--quiet", "-a", "-m", "next"])?;
    }
    let output = scan(&clone)?;
    let words = said(&output);
    ensure!(!output.status.success() && words.contains("github-pat") && words.contains("settings"), "{words}");
    ensure!(!words.contains(&canary), "the scan shows what it found");

    let shallow = scratch.path("shallow");
    git(
        &scratch.0,
        &["clone", "--quiet", "--depth", "1", &format!("file://{}", clone.display()), &shallow.display().to_string()],
    )?;
    let output = scan(&shallow)?;
    ensure!(!output.status.success() && said(&output).contains("only a part of the history"), "{}", said(&output));
    Ok(())
}

/// The wiring: the pinned program, installed where it is missing, decides. Tried: `|| true` behind the check, another version, no `--locked`.
#[test]
fn contract_a_vulnerable_dependency_fails_the_check() -> Result<()> {
    let scratch = Scratch::new()?;
    // Installs a program that knows its version and finds what the test says.
    scratch.program(
        "bin/cargo",
        r#"#!/bin/bash
echo "cargo $*" >>"$SCRATCH/log"
mkdir -p "$HOME/.cache/outrigger/bin"
{
  echo '#!/bin/sh'
  echo "[ \"\$1\" != --version ] || { echo cargo-deny ${!##*@}; exit; }"
  echo 'echo "cargo-deny $*" >>"$SCRATCH/log"; exit "$FOUND"'
} >"$HOME/.cache/outrigger/bin/cargo-deny"
chmod +x "$HOME/.cache/outrigger/bin/cargo-deny"
"#,
    )?;
    let check = |found: &str| -> Result<(bool, String)> {
        let output = scratch.script("scripts/check-dependencies.sh", &[])?.env("FOUND", found).output()?;
        Ok((output.status.success(), scratch.log()?))
    };
    let (passed, log) = check("0")?;
    let calls: Vec<&str> = log.lines().collect();
    ensure!(passed && calls.len() == 2 && calls[1] == "cargo-deny --locked check", "{log}");
    ensure!(calls[0].starts_with("cargo install --locked ") && calls[0].contains("cargo-deny@"), "{log}");
    ensure!(check("1")? == (false, "cargo-deny --locked check\n".to_owned()), "what was found, or another installation");
    Ok(())
}
