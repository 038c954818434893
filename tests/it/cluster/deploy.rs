//! What the script leaves: all well, whole, bounded, and the same when it is run again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::cluster::{Cluster, NAMESPACE, kubectl, objects, pods, said};
use tests::eventually;
use tests::suite::is_long;
use tokio::process::Command;

use super::access::Forward;
use super::tools::{fed, stream};
use super::{deploy, faults, name, rendered, verdict};
use crate::workspace::root;

/// Asked, not done.
const DRY: &[&str] = &["--dry-run=server"];
/// What an autoscaler has just asked for is there by then.
const SOON: Duration = Duration::from_secs(60);
/// Far less than the half minute after which a pod is killed.
const BY_ITSELF: Duration = Duration::from_secs(15);

/// What tells one state of a namespace from another: who runs which revision, and every object's own version where it is the suite's to
/// change. Not how many run of what an autoscaler changes at any moment, and not the history that Helm keeps.
pub(super) async fn state(namespace: &str) -> Result<BTreeMap<String, String>> {
    const KINDS: &str = "pods,secrets,configmaps,services,serviceaccounts,components.dapr.io,configurations.dapr.io";
    let objects = async |kinds: &str| objects(&[kinds, "--namespace", namespace]).await;
    let scaled = objects("hpa").await?;
    let scaled: Vec<&Value> = scaled["items"].as_array().into_iter().flatten().map(name_of_target).collect();
    let mut state = BTreeMap::new();
    let list = objects(KINDS).await?;
    for object in list["items"].as_array().into_iter().flatten() {
        let metadata = &object["metadata"];
        let kind = object["kind"].as_str().unwrap_or_default();
        let leaves = !metadata["deletionTimestamp"].is_null();
        if kind == "Pod" && (leaves || scaled.contains(&&metadata["labels"]["app.kubernetes.io/name"])) {
            continue;
        }
        if object["type"] == "helm.sh/release.v1" {
            continue;
        }
        let version = if kind == "Pod" { &metadata["uid"] } else { &metadata["resourceVersion"] };
        state.insert(format!("{kind}/{}", name(object)), version.to_string());
    }
    let list = objects("deployments,statefulsets").await?;
    for object in list["items"].as_array().into_iter().flatten() {
        let revision = &object["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        state.insert(format!("workload/{}", name(object)), format!("{revision} {}", object["status"]["updateRevision"]));
    }
    Ok(state)
}

fn name_of_target(autoscaler: &Value) -> &Value {
    &autoscaler["spec"]["scaleTargetRef"]["name"]
}

#[tokio::test]
async fn cluster_all_is_well_and_a_second_run_changes_nothing() -> Result<()> {
    let all = verdict(60, &[]).await?;
    ensure!(all["ok"] == true && all["checks"].as_array().is_some_and(|checks| checks.len() == 6), "{all}");
    let before = state(NAMESPACE).await?;
    let words = said(deploy(&["--no-validate"])?).await?;
    ensure!(words.contains("secrets: all kept"), "{words}");
    let after = state(NAMESPACE).await?;
    let differ: Vec<&String> = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
    ensure!(differ.is_empty(), "changed by a second run: {differ:?}");
    Ok(())
}

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

/// A drain goes through the eviction API, which leaves the last pod of what people wait for.
#[tokio::test]
async fn cluster_a_drain_leaves_the_last_gateway() -> Result<()> {
    let pods = pods("gateway").await?;
    ensure!(pods.len() == 2, "{pods:?}");
    let evict = async |pod: &str| {
        let body =
            format!(r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{pod}","namespace":"outrigger"}}}}"#);
        let path = format!("/api/v1/namespaces/outrigger/pods/{pod}/eviction");
        let mut command = Command::new("sh");
        command.args(["-c", r#"printf %s "$1" | kubectl create --raw "$2" -f -"#, "sh", &body, &path]);
        said(command).await
    };
    evict(&pods[0]).await?;
    let refused = evict(&pods[1]).await;
    ensure!(refused.as_ref().is_err_and(|error| format!("{error:#}").contains("disruption budget")), "{refused:?}");
    let pod = format!("pod/{}", pods[0]);
    eventually("it is gone, and another has taken its place", SOON, async || {
        let gone = kubectl(&["get", &pod, "--ignore-not-found", "-o", "name"]).await?.is_empty();
        Ok((gone && self::pods("gateway").await?.len() == 2).then_some(()))
    })
    .await
}

/// What is told to end ends by itself: nothing is killed at the end of its half minute with work in hand, and no drain waits for that. Red
/// with a shell around Redis, without PostgreSQL's hook, and with a mailbox that leaves SIGTERM to the system.
#[tokio::test]
async fn cluster_every_server_ends_when_it_is_told_to() -> Result<()> {
    for (kind, server) in
        [("statefulset", "redis"), ("statefulset", "postgres"), ("deployment", "mailbox"), ("deployment", "zipkin")]
    {
        let begun = Instant::now();
        kubectl(&["delete", "pod", "--selector", &format!("app.kubernetes.io/name={server}")]).await?;
        ensure!(begun.elapsed() < BY_ITSELF, "{server} ended after {:?}", begun.elapsed());
        kubectl(&["rollout", "status", &format!("{kind}/{server}"), "--timeout=120s"]).await?;
    }
    all_is_well().await
}

/// Who validates again and again is told to come back later, like anybody; that is no fault of the deployment.
#[tokio::test]
async fn cluster_a_validation_comes_back_when_it_is_told_to() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let cluster = Cluster::find().await?;
    let gateway = pods("gateway").await?.into_iter().next().context("a gateway")?;
    let door = Forward::open(&gateway, 7100).await?;
    let nobody = json!({ "grant_type": "password", "username": "nobody@example.com", "password": "wrong horse battery" });
    let ask = async || cluster.client().post(format!("{}/auth/token", door.url)).json(&nobody).send().await;
    eventually("too many have asked", SOON, async || Ok((ask().await?.status() == 429).then_some(()))).await?;
    let impatient = verdict(1, &[]).await?;
    ensure!(faults(&impatient).get("story").is_some_and(|words| words.contains("too_many_requests")), "{impatient}");
    let patient = verdict(90, &[]).await?;
    ensure!(patient["ok"] == true, "{patient}");
    Ok(())
}

/// Each fault is found, by the check that it belongs to, and gone when it is mended. The pods' own is in `rollout`.
#[tokio::test]
async fn cluster_validation_names_each_fault() -> Result<()> {
    let nobody = verdict(5, &["--url", "http://nobody.local"]).await?;
    ensure!(faults(&nobody).keys().eq(&["ingress"]), "{nobody}");

    // A sidecar takes a component up while it runs, but not this one, which names no server.
    let component = r#"{"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"broken"},"spec":{"type":"state.redis","version":"v1","ignoreErrors":true,"metadata":[]},"scopes":["web"]}"#;
    create(component, &[]).await?;
    let broken = verdict(5, &[]).await;
    kubectl(&["delete", "components.dapr.io", "broken"]).await?;
    let broken = broken?;
    let found = faults(&broken);
    ensure!(found.keys().eq(&["components"]) && found["components"].contains("has no broken"), "{broken}");

    // Applied as the script applies it, so that nothing of it stays when it is mended.
    let service = rendered("k8s/local")?.into_iter().find(|each| each["kind"] == "Service" && name(each) == "notifications");
    let service = service.context("a service")?;
    let mut astray = service.clone();
    astray["spec"]["selector"]["app.kubernetes.io/name"] = "nobody".into();
    let apply = async |service: &Value| {
        let arguments = ["--namespace", NAMESPACE, "apply", "--server-side", "--force-conflicts", "-f", "-"];
        fed("kubectl", &arguments, &service.to_string()).await
    };
    apply(&astray).await?;
    let lost = eventually("a service leads nowhere", SOON, async || {
        let said = verdict(5, &[]).await?;
        Ok(faults(&said).get("services").is_some_and(|words| words.contains("notifications leads nowhere")).then_some(()))
    })
    .await;
    apply(&service).await?;
    lost?;

    kubectl(&["scale", "statefulset/redis", "--replicas=0"]).await?;
    let silent = eventually("the broker is missed", SOON, async || {
        let said = verdict(5, &[]).await?;
        let found = faults(&said);
        Ok((found.contains_key("health") && found.get("story").is_some_and(|words| words.contains("audit"))).then_some(()))
    })
    .await;
    kubectl(&["scale", "statefulset/redis", "--replicas=1"]).await?;
    kubectl(&["rollout", "status", "statefulset/redis", "--timeout=120s"]).await?;
    silent?;
    all_is_well().await
}

/// It is, at the latest when circuits have closed and who asked too often may ask again.
async fn all_is_well() -> Result<()> {
    eventually("all is well", SOON, async || {
        let all = verdict(60, &[]).await?;
        ensure!(all["ok"] == true, "{all}");
        Ok(Some(()))
    })
    .await
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

async fn create(object: &str, more: &[&str]) -> Result<String> {
    let mut command = Command::new("sh");
    let script = r#"object=$1; shift; printf %s "$object" | kubectl --namespace outrigger create "$@" -f -"#;
    command.args(["-c", script, "sh", object]).args(more);
    said(command).await
}
