//! The sidecar's own health and metadata, and waiting for it.

use std::time::{Duration, Instant};

use sidecar::{Config, Sidecar};

use crate::ground::{SOON, alone, shared};

#[tokio::test]
async fn metadata_names_components_subscriptions_and_policies() {
    let ground = shared().await;
    let metadata = ground.sidecar("tasks").metadata().await.unwrap();
    assert_eq!(metadata.id, "tasks");
    assert!(metadata.components.iter().any(|one| one.name == "database-tasks" && one.kind == "bindings.postgresql"));
    assert!(metadata.components.iter().all(|one| one.name != "database-identity" && one.name != "counters"));
    let dead_letters: Vec<&str> = metadata.subscriptions.iter().map(|one| one.dead_letter_topic.as_str()).collect();
    assert_eq!(dead_letters, ["task-events-dlq", "reminders-dlq"]);
    assert!(metadata.resiliencies.iter().any(|policy| policy.name == "outrigger-resiliency"));
    assert!(!metadata.runtime_version.is_empty());
}

#[tokio::test]
async fn a_sidecar_that_never_comes_is_waited_for_no_longer_than_patience() {
    let config = Config { http_port: 1, grpc_port: 1, api_token: None, timeout: Duration::from_secs(1) };
    let sidecar = Sidecar::new(&config, ()).unwrap();
    let (begun, patience) = (Instant::now(), Duration::from_millis(400));
    let error = sidecar.wait(patience).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(begun.elapsed() >= patience && begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_sidecar_that_is_away_is_waited_for_until_it_is_back() {
    let ground = alone().await;
    let sidecar = ground.sidecar("tasks");
    sidecar.health().await.unwrap();
    ground.stack.stop("tasks-daprd").await.unwrap();
    assert!(sidecar.health().await.unwrap_err().is_unavailable());
    assert!(sidecar.metadata().await.unwrap_err().is_unavailable());
    let (waited, started) = tokio::join!(sidecar.wait(SOON), ground.stack.start_part("tasks-daprd"));
    started.unwrap();
    waited.unwrap();
    sidecar.metadata().await.unwrap();
    ground.stack.wait_ready(SOON).await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_opens_nothing() {
    let ground = shared().await;
    let instance = ground.instance("tasks");
    let config = Config {
        http_port: instance.dapr_http_port,
        grpc_port: instance.dapr_grpc_port,
        api_token: Some("wrong".to_owned()),
        timeout: Duration::from_secs(5),
    };
    let sidecar = Sidecar::new(&config, ()).unwrap();
    assert!(sidecar.metadata().await.is_err());
    let error = sidecar.state("statestore").get::<i64>("x").await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
}
