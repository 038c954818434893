//! What differs with Kafka: a partition keeps its order, so what blocks it would block all behind it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ground::{Ground, SOON, event, eventually, id, ids, is_long, message, options};

/// Three tries of 5 s and two pauses of 2 s at most, as the resiliency file says, and what a busy machine adds.
const GIVEN_UP: Duration = Duration::from_secs(3 * 5 + 2 * 2 + 3);
/// How long the broker is away at least: in full, and shortened where the gate runs it.
const FULL: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::ZERO;
/// Between two changes of somebody who goes on working without it.
const THINKS: Duration = Duration::from_secs(2);

#[tokio::test]
async fn with_kafka_neither_poison_nor_a_refused_event_stops_others_and_an_outage_loses_nothing() {
    let mut options = options("kafka", &["identity", "tasks"]);
    options.set = stack::Set::Kafka;
    options.patience = Duration::from_secs(120);
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

    what_the_broker_refuses_is_dead_lettered(&ground).await;

    // The broker goes while changes are made: they are taken, and their events wait.
    ground.stack.stop("kafka").await.unwrap();
    let away = Instant::now();
    // Whoever publishes without an outbox hears of it, and in time.
    let (sidecar, began) = (ground.sidecar_within("identity", SOON), Instant::now());
    let unheard = sidecar.publish("pubsub", "task-events", &message(&event("good"))).await.unwrap_err();
    assert!(unheard.is_unavailable() && began.elapsed() < GIVEN_UP, "{unheard} after {:?}", began.elapsed());
    let token = format!("Bearer {}", ground.token());
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let mut made = Vec::new();
    let least = if is_long() { FULL } else { SHORT };
    while made.len() < 50 || away.elapsed() < least {
        if made.len() >= 50 {
            tokio::time::sleep(THINKS).await;
        }
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
    eprintln!("{} changes while the broker was away for {:?}", made.len(), away.elapsed());
    ground.stack.start_part("kafka").await.unwrap();
    ground.all_took_effect_once(&ids(&made)).await;
    ground.stack.shutdown().await.unwrap();
}

/// Three events of one key: the second is larger than Kafka takes, and the third does not wait for it.
async fn what_the_broker_refuses_is_dead_lettered(ground: &Ground) {
    let [first, mut large, last] = [event("good"), event("good"), event("good")];
    large["text"] = "x".repeat(2_000_000).into();
    let database = ground.database().await;
    let insert =
        "insert into tasks.outbox_events (id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload)
        values ($1, 'task-events', 'one', 'thing', $1, 1, 'probe.told', $2)";
    for event in [&first, &large, &last] {
        let event_id: uuid::Uuid = id(event).parse().unwrap();
        database.execute(insert, &[&event_id, event]).await.unwrap();
    }
    ground.all_took_effect_once(&ids(&[first, last])).await;
    let letter = eventually("the dead letter", async || ground.letters(id(&large)).await.into_iter().next()).await;
    assert!(letter["reason"].as_str().unwrap().starts_with("the broker refused the event of 2000"), "{}", letter["reason"]);
    assert_eq!(
        (&letter["app"], &letter["original"]["source"], &letter["original"]["data"]),
        (&Value::Null, &"tasks".into(), &Value::Null)
    );
    let kept = "select published_at is not null and error_message like '%arge%' and payload ->> 'event_id' = $1
        from tasks.outbox_events where id::text = $1";
    eventually("the outbox keeps it with its reason", async || {
        database.query_one(kept, &[&id(&large)]).await.unwrap().get::<_, Option<bool>>(0).unwrap_or(false).then_some(())
    })
    .await;
    assert_eq!(ground.count("effects", id(&large)).await, 0);
}
