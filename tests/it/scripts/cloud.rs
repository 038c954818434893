//! A release to a cluster that people reach: looked at before, validated after, and taken back to what ran.

use anyhow::{Result, ensure};

use super::{Clone, apps};

const SECRETS: [&str; 7] = ["jwt", "clients", "redis", "kafka", "smtp", "sms", "db-tasks"];

/// A cluster that has everything, and has run these.
pub(super) fn prepared(ran: &[&str]) -> Result<Clone> {
    let clone = Clone::new()?;
    clone.record_scripts(&["validate-deployment"])?;
    clone.write("cluster/dapr", "1.18.2")?;
    clone.write("cluster/certificate", "")?;
    clone.write(
        "cluster/quotas",
        "outrigger requests.cpu 1900m 2\noutrigger requests.memory 3Gi 4Gi\noutrigger limits.memory 8000Mi 12Gi\n",
    )?;
    for secret in SECRETS {
        clone.write(&format!("cluster/secrets/outrigger-{secret}"), " key=dmFsdWU=")?;
    }
    clone.has_run(ran)?;
    Ok(clone)
}

/// The options of a release.
fn release(tag: &str) -> Vec<&str> {
    let mut options: Vec<&str> =
        "--host tasks.example.org --mail admin@example.org --registry registry.example/team --tag".split(' ').collect();
    options.push(tag);
    options
}

/// Tried: no address for the validation, no wait for the apps, no wait for the certificate, HOST left in what is applied.
#[test]
fn contract_a_good_release_is_applied_awaited_and_validated_at_its_public_address() -> Result<()> {
    let clone = prepared(&["old"])?;
    let says = clone.well("deploy-cloud", &release("good"))?;
    ensure!(clone.runs()? == "good" && says.contains("good runs at https://tasks.example.org"), "{} {says}", clone.runs()?);
    let applied = &clone.cluster()?["applied"];
    ensure!(
        applied.contains("# reached at tasks.example.org, told by admin@example.org") && applied.contains("'COMMIT=good'"),
        "{applied}"
    );
    let calls = clone.calls()?;
    let place = |wanted: &str| calls.iter().position(|call| call.starts_with(wanted));
    let apply = place("kubectl apply --server-side --force-conflicts -f .run/deploy-cloud/objects.yaml");
    let valid = place("validate-deployment.sh --url https://tasks.example.org");
    ensure!(apply.is_some() && valid == Some(calls.len() - 1), "{calls:#?}");
    for app in apps()? {
        let ready = place(&format!("kubectl rollout status deployment/{app} --timeout=240s"));
        ensure!(ready > apply && ready < valid, "{app}: {calls:#?}");
    }
    let certificate = place("kubectl wait --for=condition=Ready certificates --all");
    ensure!(certificate > apply && certificate < valid, "{calls:#?}");

    let before = clone.cluster()?;
    clone.well("deploy-cloud", &release("good"))?;
    ensure!(clone.cluster()? == before, "the same release again is a new one");
    Ok(())
}

/// Tried: `k8s/cloud` whatever is said; the question whether there is such an overlay taken out.
#[test]
fn contract_a_release_goes_by_the_overlay_that_is_named_and_to_none_that_is_not_there() -> Result<()> {
    let clone = prepared(&["old"])?;
    for (more, overlay) in [(&[][..], "cloud"), (&["--overlay", "k8s/production"], "production")] {
        clone.well("deploy-cloud", &[&release("good")[..], more].concat())?;
        let applied = &clone.cluster()?["applied"];
        ensure!(applied.contains(&format!("resources: [../../k8s/{overlay}]\n")), "{applied}");
    }
    clone.calls()?;
    let nowhere = [&release("new")[..], &["--overlay", "k8s/nowhere"]].concat();
    clone.refuses("deploy-cloud", &nowhere, "error: there is no overlay k8s/nowhere")?;
    ensure!(clone.runs()? == "good" && clone.calls()?.is_empty());
    Ok(())
}

/// However it fails, what ran before runs again, the run is red and says why. Tried: `rollout undo` without a revision (the same tag again then goes
/// back to "older"), an apply whose refusal ends the script, `|| true` behind the validation.
#[test]
fn contract_a_release_that_fails_leaves_what_ran_before() -> Result<()> {
    for (tag, fails, why) in [
        ("broken", "", "audit of broken did not become ready"),
        ("unwell", "validate-deployment.sh*", "the validation of unwell failed"),
        // No new revision is made by what runs already.
        ("old", "validate-deployment.sh*", "the validation of old failed"),
        ("older", "validate-deployment.sh*", "the validation of older failed"),
        ("new", "kubectl*apply*", "the cluster refused new"),
        ("new", "*wait*certificates*", "there is no certificate for tasks.example.org"),
    ] {
        let mut clone = prepared(&["oldest", "older", "old"])?;
        clone.set("FAILS", fails);
        let says = clone.refuses("deploy-cloud", &release(tag), &format!("error: {why}; the release before runs again"))?;
        ensure!(clone.runs()? == "old", "after {tag}, {} runs: {says}", clone.runs()?);
        let calls = clone.calls()?;
        for app in apps()? {
            let back = calls.iter().position(|call| call.starts_with(&format!("kubectl rollout undo deployment/{app}")));
            let waited = calls.iter().rposition(|call| call.starts_with(&format!("kubectl rollout status deployment/{app} ")));
            ensure!(back.is_some() && back < waited, "{app}: {calls:#?}");
        }
    }
    Ok(())
}

/// The first release has none before it, and an app that does not come back does not keep the others. Tried: `|| return` in the loop that goes back;
/// its verdict lost.
#[test]
fn contract_going_back_says_when_it_did_not_succeed_and_goes_as_far_as_it_can() -> Result<()> {
    let clone = prepared(&[])?;
    for app in apps()? {
        std::fs::remove_file(clone.scratch.path(&format!("cluster/apps/{app}")))?;
    }
    clone.refuses("deploy-cloud", &release("broken"), "and the release before did not come back either")?;

    let mut clone = prepared(&["old"])?;
    clone.set("FAILS", "*undo deployment/audit*");
    clone.refuses("deploy-cloud", &release("broken"), "and the release before did not come back either")?;
    ensure!(clone.runs()? == "broken and old", "{}", clone.runs()?);
    Ok(())
}

/// Tried: each line of the preflight taken out, `exit 0` after it, quantities compared as words, the apply before it.
#[test]
fn contract_what_a_cluster_lacks_is_told_at_once_and_nothing_is_changed() -> Result<()> {
    let mut clone = Clone::new()?;
    clone.set("FAILS", "kubectl get crd*");
    let says = clone.refuses("deploy-cloud", &release("new"), "error: nothing was changed")?;
    for what in
        ["Dapr (scripts/setup-dapr.sh)", "Traefik (scripts/install-traefik.sh)", "cert-manager (scripts/install-cert-manager.sh)"]
    {
        ensure!(says.contains(&format!("missing: {what}\n")), "{what}: {says}");
    }
    for secret in SECRETS {
        ensure!(
            says.contains(&format!("missing: the secret outrigger-{secret} (scripts/create-cloud-secrets.sh)\n")),
            "{secret}: {says}"
        );
    }
    let changes = clone.changes()?;
    ensure!(says.matches("missing: ").count() == 3 + SECRETS.len() && changes.is_empty(), "{changes:#?} {says}");

    for (full, said) in [
        ("requests.cpu 2 2", "2 of 2 requests.cpu are used"),
        ("requests.cpu 2000m 2", "2000m of 2 requests.cpu are used"),
        ("requests.memory 4096Mi 4Gi", "4096Mi of 4Gi requests.memory are used"),
        ("pods 30 20", "30 of 20 pods are used"),
    ] {
        let clone = prepared(&["old"])?;
        clone.write("cluster/quotas", &format!("outrigger limits.memory 900Mi 12Gi\nother {full}\n"))?;
        let says = clone.refuses("deploy-cloud", &release("new"), "error: nothing was changed")?;
        ensure!(
            says.contains(&format!("missing: room in the quota other ({said}")) && says.matches("missing: ").count() == 1,
            "{says}"
        );
        ensure!(clone.changes()?.is_empty() && clone.runs()? == "old");
    }
    for missing in ["host", "mail", "registry", "tag"] {
        let options = release("new");
        let place = options.iter().position(|word| *word == format!("--{missing}")).unwrap_or_default();
        let fewer = [&options[..place], &options[place + 2..]].concat();
        clone.refuses("deploy-cloud", &fewer, &format!("error: --{missing} is missing"))?;
    }
    ensure!(clone.scratch.log()?.is_empty());
    Ok(())
}
