//! State: values, versions, and values that end by themselves.

use std::time::Duration;

use serde_json::{Value, json};
use sidecar::Error;
use uuid::Uuid;

use crate::ground::{alone, eventually, shared};

#[tokio::test]
async fn a_value_is_saved_read_and_deleted() {
    let ground = shared().await;
    let (state, key) = (ground.sidecar("tasks").state("statestore"), Uuid::new_v4().to_string());
    assert_eq!(state.get::<Value>(&key).await.unwrap(), None);
    let value = json!({ "big": i64::MAX, "text": "ä\n€", "list": [1, null, true] });
    state.save(&key, &value, None).await.unwrap();
    assert_eq!(state.get::<Value>(&key).await.unwrap().unwrap().value, value);
    state.save(&key, &1, None).await.unwrap();
    assert_eq!(state.get::<i64>(&key).await.unwrap().unwrap().value, 1);
    state.delete(&key, None).await.unwrap();
    assert_eq!(state.get::<Value>(&key).await.unwrap(), None);
    // What is not there is deleted already.
    state.delete(&key, None).await.unwrap();
}

#[tokio::test]
async fn what_is_not_of_the_expected_shape_is_malformed() {
    let ground = shared().await;
    let (state, key) = (ground.sidecar("tasks").state("statestore"), Uuid::new_v4().to_string());
    state.save(&key, &"text", None).await.unwrap();
    assert!(matches!(state.get::<i64>(&key).await.unwrap_err(), Error::Malformed { .. }));
}

#[tokio::test]
async fn only_one_of_many_creates_the_value() {
    let ground = shared().await;
    let (state, key) = (ground.sidecar("tasks").state("statestore"), Uuid::new_v4().to_string());
    let creates = (0..8).map(|number| {
        let (state, key) = (state.clone(), key.clone());
        async move { state.create(&key, &number, Some(Duration::from_secs(600))).await }
    });
    let results = futures::future::join_all(creates).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Error::Conflict { .. }))), "{results:?}");
    let winner = results.iter().position(Result::is_ok).unwrap();
    assert_eq!(state.get::<usize>(&key).await.unwrap().unwrap().value, winner);
}

#[tokio::test]
async fn a_stale_version_conflicts_and_the_current_one_does_not() {
    let ground = shared().await;
    let (state, key) = (ground.sidecar("tasks").state("statestore"), Uuid::new_v4().to_string());
    state.save(&key, &1, None).await.unwrap();
    let first = state.get::<i64>(&key).await.unwrap().unwrap().etag;
    state.replace(&key, &2, &first, None).await.unwrap();
    assert!(matches!(state.replace(&key, &3, &first, None).await.unwrap_err(), Error::Conflict { .. }));
    assert!(matches!(state.delete(&key, Some(&first)).await.unwrap_err(), Error::Conflict { .. }));
    let now = state.get::<i64>(&key).await.unwrap().unwrap();
    assert_eq!(now.value, 2);
    state.delete(&key, Some(&now.etag)).await.unwrap();
    assert_eq!(state.get::<i64>(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_value_with_an_expiry_ends_and_can_be_created_again() {
    let ground = shared().await;
    let (state, key) = (ground.sidecar("tasks").state("statestore"), Uuid::new_v4().to_string());
    state.create(&key, &"short", Some(Duration::from_secs(2))).await.unwrap();
    assert!(state.get::<String>(&key).await.unwrap().is_some());
    eventually("it has ended", async || state.get::<String>(&key).await.unwrap().is_none().then_some(())).await;
    state.create(&key, &"again", None).await.unwrap();
    assert_eq!(state.get::<String>(&key).await.unwrap().unwrap().value, "again");
}

#[tokio::test]
async fn a_value_outlives_its_sidecar_and_a_store_that_is_away_is_unavailable() {
    let ground = alone().await;
    let (state, key) = (ground.sidecar("tasks").state("statestore"), Uuid::new_v4().to_string());
    state.save(&key, &"kept", None).await.unwrap();
    ground.stack.kill9("tasks-daprd").await.unwrap();
    let error = state.get::<String>(&key).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    ground.stack.wait_ready(crate::ground::SOON).await.unwrap();
    let found = eventually("it is read", async || state.get::<String>(&key).await.ok().flatten()).await;
    assert_eq!(found.value, "kept");

    ground.stack.stop("postgres").await.unwrap();
    for error in [
        state.get::<String>(&key).await.unwrap_err(),
        state.save(&key, &1, None).await.unwrap_err(),
        state.create(&key, &1, None).await.unwrap_err(),
        state.delete(&key, None).await.unwrap_err(),
    ] {
        assert!(error.is_unavailable(), "{error}");
    }
    ground.stack.start_part("postgres").await.unwrap();
    let found = eventually("it is read again", async || state.get::<String>(&key).await.ok().flatten()).await;
    assert_eq!(found.value, "kept");
    ground.stack.wait_ready(crate::ground::SOON).await.unwrap();
}
