//! Configuration items, from a store that only this suite has.

use std::collections::BTreeMap;

use crate::ground::shared;

#[tokio::test]
async fn items_are_read_by_name() {
    let ground = shared().await;
    let mut redis = ground.redis().await;
    for (key, value) in [("colour", "blue||1"), ("size", "9||4")] {
        redis::cmd("SET").arg(key).arg(value).query_async::<()>(&mut redis).await.unwrap();
    }
    let sidecar = ground.sidecar("tasks");
    let found = sidecar.configuration("settings", &["colour", "size", "absent"]).await.unwrap();
    assert_eq!(found, BTreeMap::from([("colour".to_owned(), "blue".to_owned()), ("size".to_owned(), "9".to_owned())]));
    let error = sidecar.configuration("nowhere", &["colour"]).await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
}
