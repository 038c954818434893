//! The same with Kafka and Zipkin.

use std::time::Duration;

use crate::support::{Folder, eventually, http, ids, options, port, publish, start, subscribe};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn kafka_carries_events_through_its_own_death_and_zipkin_sees_them() {
    let folder = Folder::new();
    let mut options = options(&folder, &["tasks", "audit"]);
    let file = subscribe(&mut options, "audit");
    options.set = stack::Set::Kafka;
    options.zipkin = true;
    let stack = start(options).await;
    let tasks = stack.instance("tasks", 0).unwrap();
    eventually("an event is taken", SOON, async || publish(tasks, "before").await.is_ok()).await;
    eventually("the first event arrives", SOON, async || ids(&file).contains(&"before".to_owned())).await;
    for part in ["kafka", "audit-daprd"] {
        stack.kill9(part).await.unwrap();
        stack.wait_ready(SOON).await.unwrap();
        let id = format!("after-{part}");
        eventually("an event is taken", SOON, async || publish(tasks, &id).await.is_ok()).await;
        eventually(&format!("{id} arrives"), SOON, async || ids(&file).contains(&id)).await;
    }
    let zipkin = port(&stack.zipkin_url().unwrap());
    eventually("Zipkin knows both apps", SOON, async || {
        let (_, services) = http(zipkin, "GET", "/api/v2/services", &[], "").await.unwrap();
        services.contains("tasks") && services.contains("audit")
    })
    .await;
    stack.shutdown().await.unwrap();
}
