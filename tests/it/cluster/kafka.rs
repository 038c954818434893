//! The same images with another broker: the suite is deployed to a Kafka that is there, the story of the path is told on it, and it goes back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::cluster::{Cluster, NAMESPACE, kubectl, objects, said};
use tests::eventually;
use tests::suite::{is_long, variable};

use super::access::Forward;
use super::tools::{again, fed, remove, restarts};
use super::{deploy, story};

/// An image with Java as its entry and the broker's archives in `/kafka`.
const IMAGE: &str = "OUTRIGGER_KAFKA";
const MANIFEST: &str = include_str!("kafka.yaml");
/// Where sidecars find it.
const BROKERS: &str = "kafka.kafka:9092";
const SOON: Duration = Duration::from_secs(90);

/// The broker, with the topics of the suite.
async fn broker() -> Result<()> {
    let image = variable(IMAGE).with_context(|| format!("{IMAGE} does not name an image of Kafka (see CONTRIBUTING.md)"))?;
    fed("kubectl", &["apply", "--server-side", "-f", "-"], &MANIFEST.replace("IMAGE", &image)).await?;
    kubectl(&["--namespace", "kafka", "rollout", "status", "statefulset/kafka", "--timeout=120s"]).await?;
    let way = Forward::open_in("kafka", "service/kafka", 9092).await?;
    let port = way.url.rsplit(':').next().context("a port")?.parse()?;
    stack::create_topics("127.0.0.1", port).await
}

/// The digest of what runs in each app's own container.
async fn images() -> Result<BTreeMap<String, String>> {
    let list = objects(&["pods", "--selector", "dapr.io/sidecar-injected=true"]).await?;
    let pods = list["items"].as_array().cloned().unwrap_or_default();
    let staying = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let digests = staying.map(|pod| {
        let app = pod["metadata"]["labels"]["app.kubernetes.io/name"].as_str().context("an app")?.to_owned();
        let digest = pod["status"]["containerStatuses"][0]["imageID"].as_str().context("a digest")?.to_owned();
        Ok((app, digest))
    });
    digests.collect()
}

/// Every sidecar that has a broker has this one, by what it says of itself.
async fn sidecars_have(kind: &str) -> Result<()> {
    eventually(&format!("every sidecar has {kind}"), SOON, async || {
        let list = objects(&["pods", "--selector", "dapr.io/sidecar-injected=true"]).await?;
        let mut brokers = 0;
        for pod in list["items"].as_array().into_iter().flatten() {
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                continue;
            }
            let name = super::name(pod);
            let path = format!("/api/v1/namespaces/outrigger/pods/{name}:3501/proxy/v1.0/metadata");
            let metadata: Value = serde_json::from_str(&kubectl(&["get", "--raw", &path]).await?)?;
            for component in metadata["components"].as_array().into_iter().flatten() {
                if component["type"].as_str().is_some_and(|kind| kind.starts_with("pubsub.")) {
                    ensure!(component["type"] == kind, "{name}: {component}");
                    brokers += 1;
                }
            }
        }
        // Work for seven apps, news for three of them, some of them twice.
        ensure!(brokers >= 10, "{brokers} components");
        Ok(Some(()))
    })
    .await
}

/// Only with OUTRIGGER_LONG. The suite goes to Kafka and back; between, nothing is another but what the component is.
///
/// Seen red: components applied before the right to read the address ("missing 'brokers' attribute": every sidecar ended), a validation that asked
/// for the broker's health once only, and the overlay of Kafka with the components of Redis.
#[tokio::test]
async fn cluster_the_same_images_tell_the_same_story_on_kafka() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let before = images().await?;
    ensure!(before.len() >= 9, "{before:?}");
    let seen = on_kafka(&before).await;
    // Also when it was not seen: the next story needs its suite.
    said(deploy(&[])?).await?;
    sidecars_have("pubsub.redis").await?;
    remove(&["kafka"]).await?;
    seen
}

async fn on_kafka(before: &BTreeMap<String, String>) -> Result<()> {
    broker().await?;
    let before_it = restarts(&[NAMESPACE]).await?;
    let words = said(deploy(&["--pubsub", "kafka", "--brokers", BROKERS])?).await?;
    ensure!(words.contains("all is well") && words.contains("The suite runs."), "{words}");
    sidecars_have("pubsub.kafka").await?;
    // They take it up while they run. One that may not yet read where the new broker is ends, and its app is away for that time.
    let after_it = restarts(&[NAMESPACE]).await?;
    ensure!(again(&before_it, &after_it).is_empty(), "started again: {:?}", again(&before_it, &after_it));
    ensure!(&images().await? == before, "another image: {:?}, {before:?}", images().await?);
    story::told(&Cluster::find().await?, story::server).await
}
