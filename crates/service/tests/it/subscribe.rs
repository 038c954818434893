//! Events that arrive: once in effect, three times at most in failure, and never lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::token::internal_scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::{Ground, ask, delivered, event, eventually, id, ids, shared};
use crate::issuer::app;

/// The one letter of an event, once it is there.
async fn letter(ground: &Ground, id: &str) -> Value {
    eventually("the dead letter", async || ground.letters(id).await.into_iter().next()).await
}

async fn effect(ground: &Ground, id: &str) {
    eventually("the effect", async || (ground.count("effects", id).await == 1).then_some(())).await;
}

#[tokio::test]
async fn the_same_event_fifty_times_at_once_over_two_instances_has_one_effect() {
    let ground = shared().await;
    let mut event = event("good");
    // A type of its own, so that the counts of others stand apart.
    event["event_type"] = json!("probe.fifty");
    let body = delivered(&event);
    let deliveries = (0..50).map(|number| {
        let instance = ground.instance("tasks", number % 2);
        let (port, token, body) = (instance.app_port, instance.app_api_token.clone(), body.clone());
        async move { ask(port, "POST", "/events/task-events", &[("dapr-api-token", &token)], body).await.unwrap().json() }
    });
    for answer in futures::future::join_all(deliveries).await {
        assert_eq!(answer["status"], "SUCCESS");
    }
    assert_eq!(ground.count("effects", id(&event)).await, 1);
    assert_eq!(ground.metric("events_duplicate_total", &["probe.fifty"]).await, 49.0);
}

#[tokio::test]
async fn an_event_reaches_one_instance_of_the_app_and_news_reach_all() {
    let ground = shared().await;
    let (work, news) = (event("good"), event("good"));
    ground.publish("user-events", std::slice::from_ref(&work)).await;
    effect(&ground, id(&work)).await;
    assert_eq!(ground.count("attempts", id(&work)).await, 1);
    let message = sidecar::publish::Message {
        id: id(&news).to_owned(),
        event_type: "probe.news".into(),
        key: "news".into(),
        traceparent: None,
        data: news.to_string().into(),
    };
    ground.sidecar("notifications").publish("pubsub-fanout", "task-updates", &message).await.unwrap();
    eventually("both have it", async || (ground.count("news", id(&news)).await == 2).then_some(())).await;
}

#[tokio::test]
async fn unavailable_is_retried_as_long_as_it_takes_and_never_counted() {
    let ground = shared().await;
    let event = event("unavailable");
    ground.publish("task-events", std::slice::from_ref(&event)).await;
    eventually("more attempts than a failure gets", async || (ground.count("attempts", id(&event)).await >= 5).then_some(()))
        .await;
    assert_eq!(ground.count("effects", id(&event)).await, 0);
    assert_eq!(ground.held("task-events", id(&event)).await, 1, "the broker waits to hear of it");
    ground.database().await.execute("insert into tasks.gates values ($1)", &[&id(&event)]).await.unwrap();
    effect(&ground, id(&event)).await;
    assert_eq!(ground.letters(id(&event)).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_always_fails_is_tried_three_times_and_dead_lettered_while_others_flow() {
    let ground = shared().await;
    let (poison, panics) = (event("fail"), event("panic"));
    let good: Vec<Value> = (0..100).map(|_| event("good")).collect();
    let mut all = good.clone();
    all.insert(20, poison.clone());
    all.insert(60, panics.clone());
    ground.publish("task-events", &all).await;
    for (poison, reason) in [(&poison, "failed: as it was told"), (&panics, "failed: the handler panicked")] {
        let letter = letter(&ground, id(poison)).await;
        assert_eq!((&letter["reason"], &letter["attempts"]), (&json!(reason), &json!(3)), "{letter}");
        assert_eq!(
            (&letter["app"], &letter["topic"], &letter["event_type"]),
            (&json!("tasks"), &json!("task-events"), &json!("probe.told"))
        );
        assert!(letter["failed_at"].as_str().unwrap().parse::<DateTime<Utc>>().is_ok());
        assert_eq!((&letter["original"]["id"], &letter["original"]["data"]), (&poison["event_id"], poison), "{letter}");
        let rows = ground.database().await;
        let rows = rows.query("select at from tasks.attempts where event_id = $1 order by at", &[&id(poison)]).await.unwrap();
        let times: Vec<DateTime<Utc>> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(times.len(), 3);
        for pair in times.windows(2) {
            let gap = (pair[1] - pair[0]).to_std().unwrap();
            assert!(gap >= Duration::from_millis(900) && gap < Duration::from_secs(30), "{gap:?}");
        }
    }
    ground.all_took_effect_once(&ids(&good)).await;
    let attempts = "select count(*) from tasks.attempts where event_id = any ($1)";
    let attempts = ground.database().await.query_one(attempts, &[&ids(&good)]).await.unwrap();
    assert_eq!(attempts.get::<_, i64>(0), 100);
    // Given up is given up: the broker holds nothing that it could hand out once more.
    for poison in [&poison, &panics] {
        eventually("the broker has let go of it", async || (ground.held("task-events", id(poison)).await == 0).then_some(()))
            .await;
        assert_eq!((ground.count("attempts", id(poison)).await, ground.letters(id(poison)).await.len()), (3, 1));
    }
}

#[tokio::test]
async fn what_can_never_work_is_dead_lettered_at_once() {
    let ground = shared().await;
    let (permanent, mut future, mut bare) = (event("permanent"), event("good"), event("good"));
    future["schema_version"] = json!("9.0");
    bare.as_object_mut().unwrap().remove("metadata");
    ground.publish("task-events", &[permanent.clone(), future.clone(), bare.clone()]).await;
    for (event, reason, attempts) in
        [(&permanent, "as it was told", 1), (&future, "schema version \"9.0\"", 0), (&bare, "metadata is missing", 0)]
    {
        let letter = letter(&ground, id(event)).await;
        assert!(letter["reason"].as_str().unwrap().contains(reason), "{letter}");
        assert_eq!(letter["attempts"], 1);
        assert_eq!(ground.count("attempts", id(event)).await, attempts);
        assert_eq!(ground.letters(id(event)).await.len(), 1);
    }
    let mut minor = event("good");
    minor["schema_version"] = json!("1.7");
    minor["a_field_of_tomorrow"] = json!([1]);
    ground.publish("task-events", std::slice::from_ref(&minor)).await;
    effect(&ground, id(&minor)).await;
}

#[tokio::test]
async fn what_is_no_cloud_event_is_kept_whole_in_its_dead_letter() {
    let ground = shared().await;
    let marker = Uuid::new_v4().to_string();
    for body in [format!("no json {marker}"), format!("{{\"marker\":\"{marker}\"}}"), format!("[\"{marker}\"]")] {
        assert_eq!(ground.as_sidecar("/events/task-events", body.clone()).await.json()["status"], "SUCCESS", "{body}");
    }
    let find = "select letter from tasks.letters where letter::text like '%' || $1 || '%'";
    let database = ground.database().await;
    let letters = eventually("three letters", async || {
        let rows = database.query(find, &[&marker]).await.unwrap();
        (rows.len() == 3).then_some(rows)
    })
    .await;
    for row in letters {
        let letter: Value = row.get(0);
        assert!(letter["reason"].as_str().unwrap().contains("undecodable"), "{letter}");
        assert!(letter["event_id"].as_str().unwrap().parse::<Uuid>().is_ok());
    }
    // A topic that is not ours is never answered 404: daprd would drop the event.
    assert_eq!(ground.as_sidecar("/events/nothing", "{}").await.json()["status"], "RETRY");
}

#[tokio::test]
async fn a_replayed_dead_letter_takes_effect_once() {
    let ground = shared().await;
    let event = event("broken");
    ground.publish("task-events", std::slice::from_ref(&event)).await;
    let original = letter(&ground, id(&event)).await["original"].to_string();
    let token = format!("Bearer {}", ground.issuer.key.sign(&app("audit", &internal_scope("tasks"))));
    let replay = async || ground.forwarded("POST", "/internal/replay/task-events", &[("authorization", &token)], &original).await;
    let broken = replay().await;
    assert_eq!((broken.status, broken.json()["code"].as_str()), (409, Some("conflict")), "{}", broken.body);
    ground.database().await.execute("insert into tasks.gates values ($1)", &[&id(&event)]).await.unwrap();
    let (first, second) = (replay().await, replay().await);
    assert_eq!((first.status, first.json()["effect"].as_str()), (200, Some("done")), "{}", first.body);
    assert_eq!((second.status, second.json()["effect"].as_str()), (200, Some("duplicate")), "{}", second.body);
    assert_eq!(ground.count("effects", id(&event)).await, 1);
    let nowhere = ground.forwarded("POST", "/internal/replay/nothing", &[("authorization", &token)], &original).await;
    assert_eq!(nowhere.status, 404);
    let unreadable = ground.forwarded("POST", "/internal/replay/task-events", &[("authorization", &token)], "{}").await;
    assert_eq!((unreadable.status, unreadable.json()["code"].as_str()), (422, Some("invalid_fields")), "{}", unreadable.body);
}
