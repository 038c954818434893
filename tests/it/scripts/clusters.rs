//! What a cluster is made of before the suite comes: Minikube, k3s, Dapr, an ingress controller, certificates.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};

use super::{Clone, RECORDER, same};

/// Minikube, which remembers whether it runs and what is enabled.
const MINIKUBE: &str = r#"
cd "$SCRATCH/cluster"
case "$1 ${2-}" in
  "status "*) cat minikube 2>/dev/null || exit 85 ;;
  "start "*) echo Running >minikube ;;
  "addons list")
    for addon in dashboard ingress metrics-server; do
      printf '%s"%s":{"Profile":"minikube","Status":"%sabled"}' "${comma-{}" "$addon" "$(grep -qx "$addon" addons 2>/dev/null && echo en || echo dis)"
      comma=,
    done
    echo "}"
    ;;
  "addons enable") echo "$3" >>addons ;;
  "ip "*) echo 192.0.2.7 ;;
esac
"#;

fn minikube() -> Result<Clone> {
    let clone = Clone::new()?;
    clone.scratch.program("bin/minikube", &format!("{RECORDER}{MINIKUBE}"))?;
    Ok(clone)
}

/// Tried: a start whenever it is called, each addon enabled again, no `--driver`, the line without the address.
#[test]
fn contract_minikube_is_started_as_said_with_its_addons_and_left_alone_when_it_runs() -> Result<()> {
    let looks = |calls: Vec<String>| -> Vec<String> {
        calls.into_iter().filter(|call| !call.contains("status") && !call.contains("list")).collect()
    };
    let clone = minikube()?;
    let says = clone.well("setup-minikube", &["--cpus", "4", "--memory", "8g", "--driver", "podman"])?;
    ensure!(says.contains("add this line to /etc/hosts:\n  192.0.2.7 outrigger.local todo-app.local\n"), "{says}");
    let expected = [
        "minikube start --cpus 4 --memory 8g --driver podman",
        "minikube addons enable ingress",
        "minikube addons enable metrics-server",
        "minikube ip",
    ];
    same(&looks(clone.calls()?), &expected)?;

    let before = clone.cluster()?;
    let says = clone.well("setup-minikube", &[])?;
    same(&looks(clone.calls()?), &["minikube ip"])?;
    ensure!(clone.cluster()? == before && says.contains("runs already") && says.contains("192.0.2.7 outrigger.local"), "{says}");

    // One addon was taken away; the other stays as it is.
    clone.write("cluster/addons", "ingress\n")?;
    clone.well("setup-minikube", &[])?;
    same(&looks(clone.calls()?), &["minikube addons enable metrics-server", "minikube ip"])?;

    let clone = minikube()?;
    clone.well("setup-minikube", &[])?;
    ensure!(clone.calls()?.contains(&"minikube start --cpus 2 --memory 6g".to_owned()), "not as the documents say");
    Ok(())
}

/// Tried: `|| true` behind the start and behind the addons.
#[test]
fn contract_a_minikube_that_does_not_start_is_told_and_no_addon_is_enabled() -> Result<()> {
    for (fails, words, last) in [
        ("minikube start*", "error: Minikube did not start; 'minikube logs' says why", "minikube start"),
        ("minikube addons enable ingress", "error: Minikube could not enable ingress", "minikube addons enable ingress"),
    ] {
        let mut clone = minikube()?;
        clone.set("FAILS", fails);
        clone.refuses("setup-minikube", &[], words)?;
        ensure!(clone.calls()?.last().is_some_and(|call| call.starts_with(last)), "{fails}");
    }
    Clone::new()?.refuses("setup-minikube", &["--cpus"], "--cpus needs a value")?;
    Ok(())
}

/// Helm, after which Dapr has the version that was asked for.
const HELM: &str = r#"
case $call in
  "helm upgrade --install dapr "*) sed -E 's/.*global\.tag=([^ ]+).*/\1/' <<<"$call" >"$SCRATCH/cluster/dapr" ;;
esac
"#;

/// What goes before Helm: the definitions, and when the cluster knows them, the configuration.
const CONFIGURATION: [&str; 3] = ["helm show crds ", "kubectl wait --for=condition=Established ", "helm template dapr "];

/// All that an installation asks helm and kubectl for, but to wait.
const CHANGES: usize = 10;

/// Tried: another version, no `--version`, no `--wait`, no configuration first, and none of its failures told, `healthy` without the version, an
/// installation whenever it is called, `|| true`.
#[test]
fn contract_dapr_is_installed_in_its_version_awaited_and_left_alone_when_it_is_there() -> Result<()> {
    let pinned = std::fs::read_to_string(crate::workspace::root()?.join("scripts/_lib.sh"))?;
    let version = pinned.lines().find_map(|line| line.strip_prefix("DAPR_VERSION=")).unwrap_or_default();
    ensure!(version.split('.').count() == 3, "{version}");
    let pull = format!("helm pull dapr --repo https://dapr.github.io/helm-charts --version {version} --destination ");
    let options = format!(
        "dapr-{version}.tgz --namespace dapr-system --set global.tag={version} --set dapr_sidecar_injector.sidecarDropALLCapabilities=true \
         --skip-crds --wait --timeout 5m"
    );
    let install = |call: &String| call.starts_with("helm upgrade --install dapr ") && call.ends_with(&options);
    let mut clone = Clone::new()?;
    clone.scratch.program("bin/helm", &format!("{RECORDER}{HELM}"))?;
    clone.well("setup-dapr", &[])?;
    let calls = clone.calls()?;
    ensure!(calls.iter().any(|call| call.starts_with(&pull)), "{calls:#?}");
    let mut before = calls.iter().take_while(|call| !install(call));
    for step in CONFIGURATION {
        ensure!(before.any(|call| call.starts_with(step)), "{step}: {calls:#?}");
    }
    let taken = "kubectl apply --server-side --force-conflicts -f -";
    ensure!(calls.iter().filter(|call| *call == taken).count() == CONFIGURATION.len() - 1, "{calls:#?}");
    let installed = calls.iter().position(install);
    let parts = [
        "deployment/dapr-operator",
        "deployment/dapr-sentry",
        "deployment/dapr-sidecar-injector",
        "statefulset/dapr-scheduler-server",
    ];
    for part in parts {
        let waited =
            calls.iter().rposition(|call| call.starts_with(&format!("kubectl --namespace dapr-system rollout status {part} ")));
        ensure!(installed.is_some() && waited > installed, "{part}: {calls:#?}");
    }

    let before = clone.cluster()?;
    let says = clone.well("setup-dapr", &[])?;
    ensure!(says.contains("there already") && clone.changes()?.is_empty() && clone.cluster()? == before, "{says}");
    clone.write("cluster/dapr", "1.14.0")?;
    clone.well("setup-dapr", &[])?;
    let (installed, others): (Vec<_>, Vec<_>) = clone.changes()?.into_iter().partition(install);
    ensure!(installed.len() == 1 && others.len() == CHANGES - 1, "{installed:#?} {others:#?}");

    // By a chart on this machine, and with what helm or Dapr do not do.
    std::fs::remove_file(clone.scratch.path("cluster/dapr"))?;
    clone.set("DAPR_CHART", "/charts/dapr.tgz");
    clone.set("DAPR_CHART_VALUES", "/charts/values.yaml");
    clone.well("setup-dapr", &[])?;
    let changes = clone.changes()?;
    let start = "helm upgrade --install dapr /charts/dapr.tgz --namespace dapr-system --values /charts/values.yaml --set ";
    // Without a chart to fetch.
    ensure!(changes.len() == CHANGES - 1 && changes.last().is_some_and(|call| call.starts_with(start)), "{changes:#?}");
    ensure!(!changes.iter().any(|call| call.starts_with("helm pull")), "{changes:#?}");
    clone.set("FAILS", "*status deployment/dapr-sentry*");
    clone.refuses("setup-dapr", &[], "error: Dapr is not healthy")?;
    clone.write("cluster/dapr", "1.14.0")?;
    let not_taken = "error: the cluster did not take Dapr's definitions and configuration";
    for (fails, words) in [
        ("helm show*", not_taken),
        ("kubectl wait*", not_taken),
        ("helm template*", not_taken),
        ("helm upgrade*", "error: helm could not install Dapr"),
    ] {
        clone.set("FAILS", fails);
        clone.refuses("setup-dapr", &[], words)?;
    }
    Ok(())
}

/// A machine, which has k3s when its installer has run as root.
fn machine(uname: &str) -> Result<Clone> {
    let clone = Clone::new()?;
    let (system, processor) = uname.split_once(' ').unwrap_or_default();
    clone.scratch.program("bin/uname", &format!("#!/bin/sh\n[ \"$1\" = -m ] && echo {processor} || echo {system}\n"))?;
    let sudo = r#"
case $call in
  *" sh "*) printf '#!/bin/sh\n' >"$SCRATCH/bin/k3s"; chmod +x "$SCRATCH/bin/k3s" ;;
  "sudo cat /etc/rancher/k3s/k3s.yaml") echo "the way to k3s" ;;
esac
"#;
    clone.scratch.program("bin/sudo", &format!("{RECORDER}{sudo}"))?;
    Ok(clone)
}

/// Tried: with the bundled Traefik, without a version, installed whenever it is called, a kubeconfig that others may read, arm64 refused.
#[test]
fn contract_k3s_is_installed_without_its_traefik_and_its_kubeconfig_is_the_callers() -> Result<()> {
    for processor in ["x86_64", "aarch64"] {
        let clone = machine(&format!("Linux {processor}"))?;
        let says = clone.well("install-k3s", &[])?;
        ensure!(says.contains("k3s: ready; export KUBECONFIG=") && says.contains("/.kube/k3s.yaml"), "{says}");
        let calls: Vec<String> = clone.calls()?;
        let words = calls.join("\n");
        ensure!(calls.len() == 4 && calls[0].starts_with("curl --fail ") && calls[0].ends_with(" https://get.k3s.io"), "{words}");
        let installs = "sudo env INSTALL_K3S_VERSION=v1.34.1+k3s1 INSTALL_K3S_EXEC=server --disable traefik sh /tmp/";
        ensure!(calls[1].starts_with(installs) && calls[2] == "sudo cat /etc/rancher/k3s/k3s.yaml", "{words}");
        ensure!(
            calls[3] == "kubectl --kubeconfig /.kube/k3s.yaml wait --for=condition=Ready node --all --timeout=120s",
            "{words}"
        );
        let file = clone.scratch.path(".kube/k3s.yaml");
        ensure!(std::fs::read_to_string(&file)? == "the way to k3s\n" && file.metadata()?.permissions().mode() & 0o777 == 0o600);
        ensure!(clone.below("tmp")?.is_empty(), "the installer stays here");

        let says = clone.well("install-k3s", &["--kubeconfig", &clone.scratch.path("own/k3s.yaml").display().to_string()])?;
        ensure!(says.contains("k3s: there already") && clone.scratch.path("own/k3s.yaml").exists(), "{says}");
        same(&clone.changes()?, &["sudo cat /etc/rancher/k3s/k3s.yaml"])?;
    }
    Ok(())
}

/// Tried: the question after the processor taken out, `say` for `die` behind `curl`, the installer and the node.
#[test]
fn contract_k3s_is_not_installed_where_it_cannot_run_or_by_half_an_installer() -> Result<()> {
    for uname in ["Darwin arm64", "Linux armv7l", "Linux riscv64"] {
        let clone = machine(uname)?;
        clone.refuses("install-k3s", &[], "error: k3s runs on Linux with an amd64 or arm64 processor, this is ")?;
        ensure!(clone.scratch.log()?.is_empty(), "{uname}");
    }
    for (fails, words, calls) in [
        ("curl*", "error: https://get.k3s.io does not answer; nothing was changed", 1),
        ("sudo env*", "error: k3s could not be installed", 2),
        ("*wait*node*", "error: the node did not become ready: 'sudo journalctl -u k3s' says why", 4),
    ] {
        let mut clone = machine("Linux x86_64")?;
        clone.set("FAILS", fails);
        clone.refuses("install-k3s", &[], words)?;
        ensure!(clone.calls()?.len() == calls, "{fails}");
    }
    for program in ["curl", "sudo"] {
        let clone = machine("Linux x86_64")?;
        clone.remove(program)?;
        clone.refuses("install-k3s", &[], &format!("error: {program} is missing"))?;
        ensure!(clone.scratch.log()?.is_empty(), "{program}");
    }
    Ok(())
}

/// Tried: no `--version`, no `--wait`, no CRDs, `|| true` behind helm.
#[test]
fn contract_traefik_and_cert_manager_are_installed_in_their_versions_and_awaited() -> Result<()> {
    for (script, chart, values, expected) in [
        (
            "install-traefik",
            "TRAEFIK_CHART",
            "TRAEFIK_CHART_VALUES",
            "helm upgrade --install traefik traefik --repo https://traefik.github.io/charts --version 39.0.7 --namespace traefik \
             --create-namespace --wait --timeout 5m",
        ),
        (
            "install-cert-manager",
            "CERT_MANAGER_CHART",
            "CERT_MANAGER_CHART_VALUES",
            "helm upgrade --install cert-manager cert-manager --repo https://charts.jetstack.io --version v1.21.2 --namespace cert-manager \
             --create-namespace --set crds.enabled=true --wait --timeout 5m",
        ),
    ] {
        let mut clone = Clone::new()?;
        // Again it is the same call, which Helm answers with the objects that are there.
        for _ in 0..2 {
            let says = clone.well(script, &[])?;
            ensure!(says.contains(": ready"), "{says}");
            same(&clone.changes()?, &[expected])?;
        }
        clone.set(chart, "/charts/it.tgz");
        for (place, said) in
            [("", " /charts/it.tgz --namespace "), ("/place.yaml", " /charts/it.tgz --values /place.yaml --namespace ")]
        {
            clone.set(values, place);
            clone.well(script, &[])?;
            let changes = clone.changes()?;
            ensure!(changes.len() == 1 && changes[0].contains(said) && !changes[0].contains("--repo"), "{changes:#?}");
        }
        clone.set("FAILS", "helm*");
        let says = clone.refuses(script, &[], "error: helm could not install ")?;
        ensure!(!says.contains("ready"), "{says}");
    }
    Ok(())
}
