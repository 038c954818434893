//! Back to the release before or to a named one, in this cluster or another, by the history of Kubernetes or of Helm.

use anyhow::{Result, ensure};

use super::{Clone, RECORDER, apps, same};

/// A cluster with a history, in which nothing has to be validated.
fn ran(tags: &[&str]) -> Result<Clone> {
    let clone = Clone::new()?;
    clone.record_scripts(&["validate-deployment"])?;
    clone.write("cluster/contexts", "production\nstaging\n")?;
    clone.has_run(tags)?;
    Ok(clone)
}

/// Tried: no wait, no validation, the images said before the apps went back, the oldest for the one before.
#[test]
fn contract_a_rollback_goes_to_the_release_before_waits_validates_and_says_what_runs() -> Result<()> {
    let clone = ran(&["one", "two", "three"])?;
    let says = clone.well("rollback", &[])?;
    ensure!(clone.runs()? == "two", "{}", clone.runs()?);
    for app in apps()? {
        ensure!(says.contains(&format!("{app:<14} registry.example/team/{app}:two\n")), "{says}");
    }
    let each = |line: &str| -> Result<Vec<String>> { Ok(apps()?.iter().map(|app| line.replace("APP", app)).collect()) };
    let expected = [
        each("kubectl rollout undo deployment/APP --to-revision=2")?,
        each("kubectl rollout status deployment/APP --timeout=240s")?,
        vec!["validate-deployment.sh".to_owned()],
    ];
    same(&clone.calls()?, &expected.concat())?;
    // What was left is now the release before.
    clone.well("rollback", &["--no-validate"])?;
    ensure!(clone.runs()? == "three" && !clone.calls()?.iter().any(|call| call.starts_with("validate")), "{}", clone.runs()?);
    Ok(())
}

/// Tried: the tag as the end of another one, `set image` for what is not in the history.
#[test]
fn contract_a_rollback_goes_to_a_named_release_that_was_here_and_to_no_other() -> Result<()> {
    let clone = ran(&["one", "not-one", "two", "three"])?;
    clone.well("rollback", &["one"])?;
    ensure!(clone.runs()? == "one", "{}", clone.runs()?);
    clone.well("rollback", &["three"])?;
    ensure!(clone.runs()? == "three", "{}", clone.runs()?);
    clone.calls()?;
    // A tag that never ran, and the name of an environment with a slip in it.
    for tag in ["four", "prodution"] {
        let says = clone.refuses("rollback", &[tag], &format!("kept no release {tag} (kept are: not-one one three two"))?;
        ensure!(says.contains("nothing was changed") && clone.runs()? == "three" && clone.changes()?.is_empty(), "{says}");
    }
    Ok(())
}

/// Tried: the question before the first app taken out, `say` for `die` after the last.
#[test]
fn contract_no_app_goes_back_when_one_cannot() -> Result<()> {
    let clone = ran(&["one", "two"])?;
    clone.write("cluster/apps/web", "1 registry.example/team/web:two\n")?;
    clone.refuses("rollback", &[], "error: nothing was changed: web kept no release before this one")?;
    ensure!(clone.runs()? == "two" && clone.changes()?.is_empty(), "{}", clone.runs()?);

    // What cannot be seen before is told afterwards.
    let mut clone = ran(&["one", "two"])?;
    clone.set("FAILS", "*rollout status deployment/web*");
    clone.refuses("rollback", &[], "error: not every app went back")?;
    clone.set("FAILS", "validate-deployment.sh*");
    clone.refuses("rollback", &[], "it says no")?;
    Ok(())
}

/// Everything goes there by a copy of the way, which is gone afterwards. Tried: `kubectl config use-context`, the copy kept, a copy that leads
/// elsewhere.
#[test]
fn contract_a_rollback_of_an_environment_leaves_the_caller_where_they_are() -> Result<()> {
    for (words, tag) in [(&["production"][..], "two"), (&["staging", "one"], "one"), (&["current", "one"], "")] {
        let clone = ran(&["one", "two", "three"])?;
        clone.scratch.log()?;
        if tag.is_empty() {
            clone.refuses("rollback", words, "error: kubectl has no context current (it has: production staging )")?;
            ensure!(clone.runs()? == "three" && clone.changes()?.is_empty());
            continue;
        }
        clone.well("rollback", words)?;
        ensure!(clone.runs()? == tag, "{}", clone.runs()?);
        let log = clone.scratch.log()?;
        ensure!(log.contains(&format!("config view --raw --flatten --minify --context {}\n", words[0])), "{log}");
        ensure!(!log.contains("use-context"), "{log}");
        let ways = clone.ways()?;
        ensure!(ways.len() == 2 && ways.iter().filter(|way| way.starts_with("/tmp/")).count() == 1, "{ways:?}");
        ensure!(clone.below("tmp")?.is_empty(), "the way stays here");
    }
    let clone = ran(&["one", "two"])?;
    clone.refuses("rollback", &["production", "one", "two"], "an environment and a revision are enough")?;
    Ok(())
}

/// Tried: the history of deployments though Helm has one, the oldest release of a tag, part of a tag, no `--wait`.
#[test]
fn contract_a_release_of_helms_goes_back_by_helm() -> Result<()> {
    const HELM: &str = r#"
case $call in
  "helm history "*) printf 'REVISION\tUPDATED\tSTATUS\n1\tMon Nov 2\tsuperseded\n2\tTue Nov 3\tsuperseded\n3\tWed Nov 4\tsuperseded\n4\tThu Nov 5\tdeployed\n' ;;
  "helm get values "*"--revision 1") printf 'USER-SUPPLIED VALUES:\nimages:\n  tag: "0123456789"\n' ;;
  "helm get values "*"--revision 2" | "helm get values "*"--revision 3") printf 'USER-SUPPLIED VALUES:\nimages:\n  tag: two\n' ;;
  "helm get values "*) printf 'USER-SUPPLIED VALUES:\nimages:\n  tag: twofold\n' ;;
esac
"#;
    for (words, to) in [(&[][..], ""), (&["2"], " 2"), (&["two"], " 3"), (&["0123456789"], " 1")] {
        let clone = ran(&["one", "two"])?;
        clone.write("cluster/helm", "")?;
        clone.scratch.program("bin/helm", &format!("{RECORDER}{HELM}"))?;
        let says = clone.well("rollback", words)?;
        let rollback = format!("helm rollback outrigger{to} --namespace outrigger --wait --timeout 5m");
        same(&clone.calls()?, &[rollback.as_str(), "validate-deployment.sh"])?;
        ensure!(says.contains("registry.example/team/web:two"), "{says}");
    }
    let mut clone = ran(&["one", "two"])?;
    clone.write("cluster/helm", "")?;
    clone.scratch.program("bin/helm", &format!("{RECORDER}{HELM}"))?;
    clone.refuses(
        "rollback",
        &["fold"],
        "nothing was changed: 'helm history outrigger --namespace outrigger' has no release of fold",
    )?;
    ensure!(clone.changes()?.is_empty());
    clone.set("FAILS", "helm rollback*");
    clone.refuses("rollback", &[], "error: helm could not go back")?;
    clone.remove("helm")?;
    clone.refuses("rollback", &[], "error: helm is missing")?;
    Ok(())
}
