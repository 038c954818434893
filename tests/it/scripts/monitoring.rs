//! What watches: installed in one go, each part waited for, and Grafana's password made once and shown to nobody.

use anyhow::{Result, ensure};

use super::{Clone, same};

/// The calls that install what is there always.
const PROMETHEUS: [&str; 2] = [
    "kubectl apply --server-side --force-conflicts -k .run/monitoring",
    "kubectl --namespace monitoring rollout status statefulset/prometheus --timeout=180s",
];

/// Tried: the password by `--from-literal`, no look for the secret that is there, a part that is not waited for. Takes a second.
#[test]
fn contract_what_is_asked_for_watches_and_the_password_of_grafana_is_made_once() -> Result<()> {
    let clone = Clone::new()?;
    let image = "prom/prometheus=registry.example/mirror/prometheus:v1";
    let says = clone.well("setup-monitoring", &["--server", image])?;
    ensure!(says.contains("port-forward service/prometheus") && !says.contains("grafana"), "{says}");
    same(&clone.calls()?, &PROMETHEUS)?;
    let laid_out = "resources:\n  - ../../monitoring/prometheus\nimages:\n  - { name: prom/prometheus, newName: registry.example/mirror/prometheus, newTag: 'v1' }\n";
    let written = std::fs::read_to_string(clone.scratch.path("clone/.run/monitoring/kustomization.yaml"))?;
    ensure!(written == laid_out, "{written}");

    let all = ["--grafana", "--loki", "--zipkin"];
    let says = clone.well("setup-monitoring", &all)?;
    let made = "kubectl --namespace monitoring create secret generic grafana-admin --from-literal=user=admin --from-file=password=/dev/stdin";
    let zipkin = [PROMETHEUS[0], "kubectl rollout status deployment/zipkin --timeout=180s"];
    let rest = ["deployment/grafana", "statefulset/loki", "deployment/collector"];
    let rest = rest.map(|part| format!("kubectl --namespace monitoring rollout status {part} --timeout=180s"));
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let log = clone.scratch.log()?;
    let password = clone.cluster()?["grafana-admin"].clone();
    ensure!(password.len() == 48 && password.bytes().all(|byte| byte.is_ascii_hexdigit()), "{password}");
    ensure!(!log.contains(&password) && !says.contains(&password), "the password is shown: {log}{says}");
    std::fs::write(clone.scratch.path("log"), log)?;
    same(&clone.calls()?, &[&[PROMETHEUS[0], made], &zipkin[..], &[PROMETHEUS[1]], &rest].concat())?;

    clone.well("setup-monitoring", &all)?;
    same(&clone.calls()?, &[&[PROMETHEUS[0]], &zipkin[..], &[PROMETHEUS[1]], &rest].concat())?;
    ensure!(clone.cluster()?["grafana-admin"] == password, "the password is another now");
    Ok(())
}

/// Tried: a part whose state nobody asks for.
#[test]
fn contract_a_part_that_does_not_become_ready_is_named() -> Result<()> {
    let mut clone = Clone::new()?;
    for (fails, words) in [
        ("*rollout status statefulset/prometheus*", "prometheus did not become ready"),
        ("*rollout status deployment/grafana*", "grafana did not become ready"),
        ("*rollout status deployment/collector*", "collector did not become ready"),
        ("*rollout status deployment/zipkin*", "Zipkin did not become ready"),
    ] {
        clone.set("FAILS", fails);
        clone.refuses("setup-monitoring", &["--grafana", "--loki", "--zipkin"], words)?;
    }
    Ok(())
}
