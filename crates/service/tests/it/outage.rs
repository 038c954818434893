//! Parts that are killed while events flow: nothing is lost, nothing takes effect twice, nothing is given up.

use serde_json::{Value, json};

use crate::ground::{Ground, event, eventually, ids, options};

#[tokio::test]
async fn events_wait_for_a_database_that_is_away() {
    let ground = Ground::start(options("database-away", &["identity", "tasks"])).await;
    let events: Vec<Value> = (0..20).map(|_| event("good")).collect();
    ground.stack.stop("postgres").await.unwrap();
    ground.publish("task-events", &events).await;
    eventually("each was tried more often than a failure may be", async || {
        (ground.metric("event_processing_failures_total", &["unavailable"]).await >= 80.0).then_some(())
    })
    .await;
    ground.stack.start_part("postgres").await.unwrap();
    ground.well().await;
    ground.all_took_effect_once(&ids(&events)).await;
    ground.stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn changes_and_their_events_survive_the_death_of_every_part() {
    let mut options = options("deaths", &["identity", "tasks"]);
    options.replicas.insert("tasks".to_owned(), 2);
    let ground = Ground::start(options).await;
    let token = format!("Bearer {}", ground.token());
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let (mut events, mut things) = (Vec::new(), Vec::new());
    let mut parts = ["redis", "postgres", "tasks-daprd", "tasks", "tasks-1-daprd", "redis"].into_iter();
    let port = ground.instance("tasks", 0).app_port;
    let mut refused = 0;
    while events.len() < 500 {
        let body = json!({ "name": uuid::Uuid::new_v4(), "amount": 1 }).to_string();
        match crate::ground::ask(port, "POST", "/things", &headers, body).await {
            Ok(answer) if answer.status == 201 => {
                let answer = answer.json();
                events.push(answer["event_id"].as_str().unwrap().to_owned());
                things.push(answer["id"].as_str().unwrap().to_owned());
            }
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                refused += 1;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
        if events.len() / 75 > 6 - parts.len()
            && let Some(part) = parts.next()
        {
            ground.stack.kill9(part).await.unwrap();
        }
    }
    assert!(refused > 0, "nobody noticed");
    ground.well().await;
    ground.all_took_effect_once(&events).await;
    // Never a change without its event, nor an event without its change.
    let database = ground.database().await;
    let sql = "select (select count(*) from tasks.things t where not exists (select from tasks.outbox_events o where o.aggregate_id = t.id))
      + (select count(*) from tasks.outbox_events o where not exists (select from tasks.things t where t.id = o.aggregate_id))";
    assert_eq!(database.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 0);
    let stored = database.query_one("select count(*) from tasks.things where id::text = any ($1)", &[&things]).await.unwrap();
    assert_eq!(stored.get::<_, i64>(0), 500);
    ground.stack.shutdown().await.unwrap();
}
