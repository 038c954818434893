//! What the API server says of the suite and of what would come to it: whole, bounded, restricted, and every overlay taken.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::cluster::{kubectl, objects, pods};
use tests::eventually;

use super::tools::{create, fed, stream};
use super::{name, rendered};
use crate::workspace::root;

/// Asked, not done.
const DRY: &[&str] = &["--dry-run=server"];
/// What an autoscaler has just asked for is there by then.
const SOON: Duration = Duration::from_secs(60);

/// Pod Security `restricted` is enforced, and every pod of the suite lives under it with its sidecar.
#[tokio::test]
async fn cluster_every_app_runs_beside_its_sidecar_in_a_restricted_namespace() -> Result<()> {
    let level = "jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
    ensure!(kubectl(&["get", "namespace", "outrigger", "-o", level]).await? == "restricted");
    eventually("every pod has its sidecar", SOON, async || {
        let list = objects(&["pods", "--selector", "dapr.io/sidecar-injected=true"]).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        ensure!(items.len() >= 9, "{} pods with a sidecar", items.len());
        for pod in items.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()) {
            let statuses = ["containerStatuses", "initContainerStatuses"].map(|key| pod["status"][key].as_array().cloned());
            let ready = statuses.iter().flatten().flatten().filter(|status| status["ready"] == true).count();
            ensure!(ready == 2, "{} has {ready} of 2: {}", name(pod), pod["status"]);
            let sidecar = &pod["spec"]["initContainers"][0];
            ensure!(sidecar["name"] == "daprd" && sidecar["resources"]["limits"]["memory"] == "192Mi", "{sidecar}");
        }
        Ok(Some(()))
    })
    .await?;
    let privileged = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"root"},"spec":{"containers":[{"name":"root","image":"root","securityContext":{"privileged":true}}]}}"#;
    let refused = create(privileged, DRY).await;
    ensure!(refused.as_ref().is_err_and(|error| format!("{error:#}").contains("PodSecurity")), "{refused:?}");
    Ok(())
}

/// The tag that was deployed, from the process itself.
#[tokio::test]
async fn cluster_health_says_which_release_it_is() -> Result<()> {
    let image = kubectl(&["get", "deployment", "tasks", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]).await?;
    let tag = image.rsplit(':').next().unwrap_or_default();
    let pod = pods("tasks").await?.into_iter().next().context("a pod of tasks")?;
    let path = format!("/api/v1/namespaces/outrigger/pods/{pod}:7100/proxy/health");
    let health: Value = serde_json::from_str(&kubectl(&["get", "--raw", &path]).await?)?;
    ensure!(health["commit"] == tag && health["version"] == env!("CARGO_PKG_VERSION"), "{tag}: {health}");
    Ok(())
}

/// The API server refuses what would be more than the machine has.
#[tokio::test]
async fn cluster_a_pod_beyond_the_quota_is_refused() -> Result<()> {
    let too_much = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"big"},"spec":{"securityContext":{"runAsNonRoot":true,"runAsUser":1000,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"big","image":"big","resources":{"requests":{"cpu":"2"}},"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}"#;
    let refused = create(too_much, DRY).await;
    ensure!(refused.as_ref().is_err_and(|error| format!("{error:#}").contains("exceeded quota")), "{refused:?}");
    let quota = objects(&["resourcequota", "outrigger"]).await?;
    ensure!(quota["status"]["used"]["requests.cpu"].is_string(), "{quota}");
    Ok(())
}

/// Every overlay is taken by the API server, which knows the kinds of Dapr.
#[tokio::test]
async fn cluster_every_overlay_is_accepted_by_the_api_server() -> Result<()> {
    for overlay in ["k8s/local", "k8s/local/kafka", "components/cloud"] {
        ensure!(!rendered(overlay)?.is_empty());
        let folder = root()?.join(overlay);
        kubectl(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-k", &folder.display().to_string()])
            .await?;
    }
    // As `deploy-cloud.sh` applies them, without the kinds of others that this cluster may not have.
    let kinds = kubectl(&["get", "customresourcedefinitions", "-o", "name"]).await?;
    for overlay in ["k8s/cloud", "k8s/staging", "k8s/production"] {
        let mut objects = rendered(overlay)?;
        objects.retain(|object| {
            let group = object["apiVersion"].as_str().and_then(|version| version.split('/').next()).unwrap_or_default();
            !["cert-manager.io", "traefik.io"].contains(&group) || kinds.lines().any(|kind| kind.ends_with(&format!(".{group}")))
        });
        ensure!(objects.len() > 100, "{overlay}: {} objects", objects.len());
        let text = stream(&objects).replace("\"HOST\"", "\"tasks.example.org\"");
        let words = ["--namespace", "outrigger", "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"];
        fed("kubectl", &words, &text).await.with_context(|| overlay.to_owned())?;
    }
    Ok(())
}
