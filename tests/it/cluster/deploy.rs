//! What a person can do to the suite that the script leaves: a drain, an end, a fault; and what the validation says of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::cluster::{Cluster, NAMESPACE, kubectl, objects, pods, said};
use tests::eventually;
use tests::suite::is_long;
use tokio::process::Command;

use super::access::Forward;
use super::tools::{create, fed};
use super::{faults, name, rendered, verdict};

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
    let nobody = verdict(1, &["--url", "http://nobody.local"]).await?;
    ensure!(faults(&nobody).keys().eq(&["ingress"]), "{nobody}");

    // A sidecar takes a component up while it runs, but not this one, which names no server.
    let component = r#"{"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"broken"},"spec":{"type":"state.redis","version":"v1","ignoreErrors":true,"metadata":[]},"scopes":["web"]}"#;
    create(component, &[]).await?;
    let broken = verdict(1, &[]).await;
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
        let said = verdict(1, &[]).await?;
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
        ensure!(all["ok"] == true && all["checks"].as_array().is_some_and(|checks| checks.len() == 6), "{all}");
        Ok(Some(()))
    })
    .await
}
