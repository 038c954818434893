//! What differs with Kafka: a partition keeps its order, so what blocks it would block all behind it.

use serde_json::Value;

use crate::ground::{Ground, event, eventually, id, ids, options};

#[tokio::test]
async fn with_kafka_one_poison_event_stops_nobody_and_an_outage_loses_nothing() {
    let mut options = options("kafka", &["identity", "tasks"]);
    options.set = stack::Set::Kafka;
    options.patience = std::time::Duration::from_secs(120);
    let ground = Ground::start(options).await;
    let poison = event("fail");
    let good: Vec<Value> = (0..100).map(|_| event("good")).collect();
    let mut all = good.clone();
    all.insert(50, poison.clone());
    ground.publish("task-events", &all).await;
    ground.all_took_effect_once(&ids(&good)).await;
    let letter = eventually("the dead letter", async || ground.letters(id(&poison)).await.into_iter().next()).await;
    assert_eq!((letter["attempts"].as_u64(), letter["reason"].as_str()), (Some(3), Some("failed: as it was told")));
    assert_eq!(ground.count("attempts", id(&poison)).await, 3);
    assert_eq!(ground.letters(id(&poison)).await.len(), 1);

    // The broker goes while changes are made: they are taken, and their events wait.
    ground.stack.stop("kafka").await.unwrap();
    let token = format!("Bearer {}", ground.token());
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let mut made = Vec::new();
    for _ in 0..50 {
        let body = format!(r#"{{"name":"{}","amount":1}}"#, uuid::Uuid::new_v4());
        let answer = ground.ask("POST", "/things", &headers, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        made.push(answer.json());
    }
    let failed =
        "select count(*) from tasks.outbox_events where attempts > 0 and error_message is not null and published_at is null";
    eventually("the relay has tried", async || {
        (ground.database().await.query_one(failed, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(())
    })
    .await;
    eventually("the app is degraded", async || {
        let ready = ground.ask("GET", "/ready", &[], "").await;
        (ready.status == 200 && ready.json()["status"] == "degraded" && ready.json()["checks"]["pubsub"] == "down").then_some(())
    })
    .await;
    ground.stack.start_part("kafka").await.unwrap();
    ground.all_took_effect_once(&ids(&made)).await;
    ground.stack.shutdown().await.unwrap();
}
