//! Output bindings other than the database: the counters.

use std::collections::HashMap;

use bytes::Bytes;
use sidecar::{Error, Sidecar};
use uuid::Uuid;

use crate::ground::{alone, eventually, shared};

async fn count(sidecar: &Sidecar, operation: &str, key: &str, seconds: &str) -> sidecar::Result<Bytes> {
    let metadata = HashMap::from([("key".to_owned(), key.to_owned()), ("ttlInSeconds".to_owned(), seconds.to_owned())]);
    sidecar.binding("counters", operation, metadata, Bytes::new()).await.map(|answer| answer.data)
}

#[tokio::test]
async fn a_counter_counts_parallel_increments_and_ends_by_itself() {
    let ground = shared().await;
    let (sidecar, key) = (ground.sidecar("identity"), Uuid::new_v4().to_string());
    let increments = (0..40).map(|_| count(&sidecar, "increment", &key, "120"));
    for result in futures::future::join_all(increments).await {
        result.unwrap();
    }
    let value = count(&sidecar, "get", &key, "120").await.unwrap();
    assert_eq!(String::from_utf8_lossy(&value).trim_matches('"'), "40");
    let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut ground.redis().await).await.unwrap();
    assert!((1..=120).contains(&left), "{left}");
}

#[tokio::test]
async fn an_unknown_operation_or_component_is_refused() {
    let ground = shared().await;
    let unknown = count(&ground.sidecar("identity"), "divide", "x", "1").await.unwrap_err();
    assert!(matches!(unknown, Error::Refused { .. }), "{unknown}");
    // The counters are not in the scope of this app.
    let foreign = count(&ground.sidecar("tasks"), "get", "x", "1").await.unwrap_err();
    assert!(matches!(foreign, Error::Refused { .. }), "{foreign}");
}

#[tokio::test]
async fn counters_that_are_away_are_an_error_and_back_without_a_restart() {
    let ground = alone().await;
    let (sidecar, key) = (ground.sidecar("identity"), Uuid::new_v4().to_string());
    ground.stack.stop("redis").await.unwrap();
    assert!(count(&sidecar, "increment", &key, "120").await.is_err());
    ground.stack.start_part("redis").await.unwrap();
    eventually("it counts again", async || count(&sidecar, "increment", &key, "120").await.ok()).await;
    ground.stack.wait_ready(crate::ground::SOON).await.unwrap();
}
