//! What holds for every script: help that touches nothing, unknown options refused, missing programs named before anything is changed.

use anyhow::{Context, Result, ensure};
use tests::recorder::said;

use super::Clone;

const SCRIPTS: [&str; 22] = [
    "build-images",
    "check-dashboards",
    "check-kafka",
    "create-cloud-secrets",
    "create-local-secrets",
    "database",
    "deploy-aks",
    "deploy-cloud",
    "deploy-gke",
    "deploy-local",
    "deploy-oke",
    "deploy-redis",
    "inspect-images",
    "install-cert-manager",
    "install-k3s",
    "install-traefik",
    "rollback",
    "setup-dapr",
    "setup-kafka",
    "setup-minikube",
    "setup-monitoring",
    "validate-deployment",
];

/// Tried: a script without its `--help`, one that asks the cluster first, one that takes what it does not know for something else.
#[test]
fn contract_every_script_shows_its_head_as_help_and_refuses_what_it_does_not_know() -> Result<()> {
    let clone = Clone::new()?;
    clone.record(&["minikube", "az", "gcloud", "gke-gcloud-auth-plugin", "oci"])?;
    let before = clone.below("")?;
    for script in SCRIPTS {
        let text = std::fs::read_to_string(clone.script(script))?;
        let head: Vec<&str> = text.lines().skip(1).take_while(|line| line.starts_with('#')).collect();
        let head: String =
            head.iter().map(|line| format!("{}\n", line.trim_start_matches('#').trim_start_matches(' '))).collect();
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for option in ["--help", "-h"] {
            let output = clone.run(script, &[option])?;
            let help = String::from_utf8(output.stdout)?;
            ensure!(output.status.success() && output.stderr.is_empty() && plain(&help) == plain(&head), "{script}: {help}");
            ensure!(help.contains(&format!("scripts/{script}.sh")) && help.contains("Needs "), "{script}: {help}");
        }
        clone.refuses(script, &["--no-such-option"], "unknown option --no-such-option")?;
    }
    let output = clone.run("deploy-minikube", &["--help"])?;
    ensure!(output.status.success() && output.stdout == clone.run("deploy-local", &["--help"])?.stdout, "{}", said(&output));
    ensure!(clone.below("")? == before, "something was called, or changed");
    Ok(())
}

const RELEASE: &str = "--host tasks.example.org --mail admin@example.org --registry registry.example/team --tag one";

/// A script with its arguments, a program that it needs, and where to get that.
const NEEDS: [(&str, &str, &str, &str); 26] = [
    ("setup-minikube", "", "minikube", "minikube.sigs.k8s.io"),
    ("setup-minikube", "", "kubectl", "kubernetes.io/docs"),
    ("setup-dapr", "", "kubectl", "kubernetes.io/docs"),
    ("setup-dapr", "", "helm", "helm.sh"),
    ("setup-kafka", "", "kubectl", "kubernetes.io/docs"),
    ("setup-monitoring", "", "kubectl", "kubernetes.io/docs"),
    ("setup-monitoring", "--grafana", "openssl", "package openssl"),
    ("create-local-secrets", "", "kubectl", "kubernetes.io/docs"),
    ("create-local-secrets", "", "openssl", "package openssl"),
    ("database", "", "kubectl", "kubernetes.io/docs"),
    ("deploy-redis", "", "kubectl", "kubernetes.io/docs"),
    ("deploy-redis", "", "openssl", "package openssl"),
    ("deploy-local", "--tag one", "openssl", "package openssl"),
    ("deploy-local", "--tag one", "docker", "docs.docker.com"),
    ("deploy-local", "--tag one", "minikube", "minikube.sigs.k8s.io"),
    ("deploy-local", "--tag one --cluster existing --helm", "helm", "helm.sh"),
    ("install-traefik", "", "helm", "helm.sh"),
    ("install-cert-manager", "", "helm", "helm.sh"),
    ("deploy-cloud", RELEASE, "kubectl", "kubernetes.io/docs"),
    ("deploy-cloud", RELEASE, "curl", "package curl"),
    ("deploy-aks", "--resource-group g --cluster c", "az", "learn.microsoft.com"),
    ("deploy-aks", "--resource-group g --cluster c", "helm", "helm.sh"),
    ("deploy-gke", "--project p --location l --cluster c", "gcloud", "cloud.google.com"),
    ("deploy-gke", "--project p --location l --cluster c", "gke-gcloud-auth-plugin", "gcloud components install"),
    ("deploy-oke", "--cluster-id i --region r", "oci", "docs.oracle.com"),
    ("rollback", "production one", "kubectl", "kubernetes.io/docs"),
];

/// Tried: each `need_tool` taken out of its script, `need_tool openssl` after the first call.
#[test]
fn contract_a_missing_program_is_named_with_the_way_to_get_it_and_nothing_is_changed() -> Result<()> {
    for (script, arguments, program, way) in NEEDS {
        let clone = Clone::new()?;
        clone.record(&["minikube", "az", "gcloud", "gke-gcloud-auth-plugin", "oci"])?;
        if arguments.contains("--helm") {
            // Or Dapr's script would be the one to miss it.
            clone.write("cluster/dapr", "1.18.2")?;
        }
        clone.remove(program)?;
        let before = clone.below("")?;
        let cloud = ["aks", "gke", "oke"].iter().any(|cloud| script.ends_with(cloud));
        let words: Vec<&str> =
            arguments.split(' ').chain(RELEASE.split(' ').filter(|_| cloud)).filter(|word| !word.is_empty()).collect();
        let says = clone.refuses(script, &words, &format!("error: {program} is missing: "))?;
        ensure!(says.contains(way), "{script}: {says}");
        let changes = clone.changes()?;
        ensure!(changes.is_empty(), "{script} without {program} did: {changes:#?}");
        for noted in ["log", "ways"].map(|name| clone.scratch.path(name)).iter().filter(|path| path.exists()) {
            std::fs::remove_file(noted)?;
        }
        ensure!(clone.below("")? == before, "{script} without {program} left something");
    }
    Ok(())
}

/// Scripts that work on the cluster that is there.
const ON_A_CLUSTER: [(&str, &str); 9] = [
    ("setup-dapr", ""),
    ("setup-kafka", ""),
    ("create-local-secrets", ""),
    ("database", ""),
    ("deploy-local", "--cluster existing --tag one"),
    ("deploy-cloud", RELEASE),
    ("install-traefik", ""),
    ("install-cert-manager", ""),
    ("rollback", ""),
];

/// Tried: `need_cluster` taken out of each script but `deploy-local.sh`, whose first step asks, too.
#[test]
fn contract_a_cluster_that_does_not_answer_is_told_so_and_nothing_is_changed() -> Result<()> {
    let mut clone = Clone::new()?;
    clone.set("FAILS", "kubectl version*");
    for (script, arguments) in ON_A_CLUSTER {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        clone.refuses(script, &words, "error: no cluster answers").context(script)?;
        let changes = clone.changes()?;
        ensure!(changes.is_empty(), "{script}: {changes:#?}");
    }
    Ok(())
}
