//! What the script leaves: all well, whole, bounded, and the same when it is run again.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::cluster::{kubectl, objects, pods, said};
use tokio::process::Command;

use super::{deploy, name, rendered};
use crate::workspace::root;

/// What tells one state of the namespace from another: who runs, and every object's own version where it is the suite's to change.
async fn state() -> Result<BTreeMap<String, String>> {
    let mut state = BTreeMap::new();
    let list = objects(&["pods,secrets,configmaps,services,serviceaccounts,components.dapr.io,configurations.dapr.io"]).await?;
    for object in list["items"].as_array().into_iter().flatten() {
        let kind = object["kind"].as_str().unwrap_or_default();
        let version = if kind == "Pod" { &object["metadata"]["uid"] } else { &object["metadata"]["resourceVersion"] };
        state.insert(format!("{kind}/{}", name(object)), version.to_string());
    }
    let list = objects(&["deployments,statefulsets"]).await?;
    for object in list["items"].as_array().into_iter().flatten() {
        state.insert(format!("workload/{}", name(object)), object["metadata"]["generation"].to_string());
    }
    Ok(state)
}

async fn validate() -> Result<Value> {
    let mut command = Command::new(root()?.join("scripts/validate-deployment.sh"));
    command.arg("--json");
    Ok(serde_json::from_str(&said(command).await?)?)
}

#[tokio::test]
async fn cluster_all_is_well_and_a_second_run_changes_nothing() -> Result<()> {
    let verdict = validate().await?;
    ensure!(verdict["ok"] == true && verdict["checks"].as_array().is_some_and(|checks| checks.len() >= 5), "{verdict}");
    let before = state().await?;
    let words = said(deploy(&["--no-validate"])?).await?;
    ensure!(words.contains("secrets: all kept"), "{words}");
    let after = state().await?;
    let differ: Vec<&String> = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
    ensure!(differ.is_empty(), "changed by a second run: {differ:?}");
    Ok(())
}

/// Pod Security `restricted` is enforced, and every pod of the suite lives under it with its sidecar.
#[tokio::test]
async fn cluster_every_app_runs_beside_its_sidecar_in_a_restricted_namespace() -> Result<()> {
    let level = "jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
    ensure!(kubectl(&["get", "namespace", "outrigger", "-o", level]).await? == "restricted");
    let list = objects(&["pods", "--selector", "dapr.io/sidecar-injected=true"]).await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    ensure!(items.len() >= 9, "{} pods with a sidecar", items.len());
    for pod in &items {
        let statuses =
            ["containerStatuses", "initContainerStatuses"].map(|key| pod["status"][key].as_array().cloned().unwrap_or_default());
        let ready = statuses.concat().iter().filter(|status| status["ready"] == true).count();
        ensure!(ready == 2, "{} has {ready} of 2: {}", name(pod), pod["status"]);
        let sidecar = &pod["spec"]["initContainers"][0];
        ensure!(sidecar["name"] == "daprd" && sidecar["resources"]["limits"]["memory"] == "192Mi", "{sidecar}");
    }
    let privileged = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"root"},"spec":{"containers":[{"name":"root","image":"root","securityContext":{"privileged":true}}]}}"#;
    let refused = apply(privileged).await;
    ensure!(refused.as_ref().is_err_and(|error| format!("{error:#}").contains("PodSecurity")), "{refused:?}");
    Ok(())
}

/// The API server refuses what would be more than the machine has.
#[tokio::test]
async fn cluster_a_pod_beyond_the_quota_is_refused() -> Result<()> {
    let too_much = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"big"},"spec":{"securityContext":{"runAsNonRoot":true,"runAsUser":1000,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"big","image":"big","resources":{"requests":{"cpu":"2"}},"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}"#;
    let refused = apply(too_much).await;
    ensure!(refused.as_ref().is_err_and(|error| format!("{error:#}").contains("exceeded quota")), "{refused:?}");
    let quota = objects(&["resourcequota", "outrigger"]).await?;
    ensure!(quota["status"]["used"]["requests.cpu"].is_string(), "{quota}");
    Ok(())
}

/// A drain goes through the eviction API, which leaves the last pod of what people wait for.
#[tokio::test]
async fn cluster_a_drain_leaves_the_last_gateway() -> Result<()> {
    let pods = pods("gateway").await?;
    ensure!(pods.len() == 2, "{pods:?}");
    let evict = async |pod: &str| {
        let body =
            format!(r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{pod}","namespace":"outrigger"}}}}"#);
        let path = format!("/api/v1/namespaces/outrigger/pods/{pod}/eviction?dryRun=All");
        let mut command = Command::new("sh");
        command.args(["-c", r#"printf %s "$1" | kubectl create --raw "$2" -f -"#, "sh", &body, &path]);
        said(command).await
    };
    let budget = objects(&["pdb", "gateway"]).await?;
    ensure!(budget["status"]["disruptionsAllowed"] == 1, "{budget}");
    evict(&pods[0]).await?;
    Ok(())
}

/// Every overlay is taken by the API server, which knows the kinds of Dapr.
#[tokio::test]
async fn cluster_every_overlay_is_accepted_by_the_api_server() -> Result<()> {
    for overlay in ["k8s/local", "k8s/local/kafka"] {
        ensure!(!rendered(overlay)?.is_empty());
        let folder = root()?.join(overlay);
        kubectl(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-k", &folder.display().to_string()])
            .await?;
    }
    Ok(())
}

async fn apply(object: &str) -> Result<String> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"printf %s "$1" | kubectl --namespace outrigger create --dry-run=server -f -"#, "sh", object]);
    said(command).await
}
