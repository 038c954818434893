//! Parts that die, stop and come in any order.

use std::time::Duration;

use crate::support::{Folder, database, eventually, http, ids, options, publish, sidecar, start, subscribe};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_part_comes_back_after_kill_9_and_no_event_is_lost() {
    let folder = Folder::new();
    let mut options = options(&folder, &["tasks", "audit"]);
    let file = subscribe(&mut options, "audit");
    let stack = start(options).await;
    let tasks = stack.instance("tasks", 0).unwrap();

    publish(tasks, "first").await.unwrap();
    eventually("the first event arrives", SOON, async || ids(&file).contains(&"first".to_owned())).await;
    for part in ["tasks", "tasks-daprd", "audit", "audit-daprd", "redis", "postgres"] {
        stack.kill9(part).await.unwrap();
        stack.wait_ready(SOON).await.unwrap();
        let id = format!("after-{part}");
        eventually("the sidecar takes an event", SOON, async || publish(tasks, &id).await.is_ok()).await;
        eventually(&format!("{id} arrives"), SOON, async || ids(&file).contains(&id)).await;
    }
    stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn events_wait_for_an_app_that_is_away() {
    for set in [stack::Set::Local, stack::Set::Kafka] {
        let folder = Folder::new();
        let mut options = options(&folder, &["tasks", "audit"]);
        options.set = set;
        let file = subscribe(&mut options, "audit");
        let stack = start(options).await;
        let tasks = stack.instance("tasks", 0).unwrap();
        eventually("an event is taken", SOON, async || publish(tasks, "before").await.is_ok()).await;
        eventually("it arrives", SOON, async || ids(&file).contains(&"before".to_owned())).await;
        stack.stop("audit").await.unwrap();
        for number in 0..20 {
            publish(tasks, &format!("event-{number}")).await.unwrap();
        }
        // Long enough for a sidecar without a policy to have given all of them up.
        let log = stack.instance("audit", 0).unwrap().daprd_log.clone();
        let retries = || std::fs::read_to_string(&log).unwrap_or_default().matches("connection refused").count();
        eventually("the sidecar has tried several times", SOON, async || retries() >= 3).await;
        stack.start_part("audit").await.unwrap();
        eventually("all twenty arrive", SOON, async || (0..20).all(|number| ids(&file).contains(&format!("event-{number}"))))
            .await;
        stack.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_paused_part_is_silent_and_a_stopped_part_stays_away() {
    let folder = Folder::new();
    let stack = start(options(&folder, &["tasks"])).await;
    let app_port = stack.instance("tasks", 0).unwrap().app_port;

    stack.pause("postgres").await.unwrap();
    assert!(stack.wait_ready(Duration::from_secs(3)).await.unwrap_err().to_string().contains("postgres"));
    stack.resume("postgres").await.unwrap();
    stack.wait_ready(SOON).await.unwrap();
    database(&stack).await.query_one("select 1", &[]).await.unwrap();

    stack.stop("tasks").await.unwrap();
    assert!(http(app_port, "GET", "/ready", &[], "").await.is_err());
    stack.start_part("tasks").await.unwrap();
    stack.wait_ready(SOON).await.unwrap();
    stack.restart("tasks-daprd").await.unwrap();
    stack.wait_ready(SOON).await.unwrap();
    stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn any_order_ends_ready() {
    for seed in [3, 11] {
        let folder = Folder::new();
        let mut options = options(&folder, &["tasks", "audit", "notifications"]);
        options.shuffle = Some(seed);
        options.patience = Duration::from_secs(30);
        let stack = start(options).await;
        // The database's components were loaded, whenever the database came.
        let tasks = stack.instance("tasks", 0).unwrap();
        let statement = r#"{"operation":"query","metadata":{"sql":"select current_schema()::text"}}"#;
        eventually("the sidecar reaches the schema", SOON, async || {
            sidecar(tasks, "POST", "/v1.0/bindings/database-tasks", statement).await.is_ok_and(|(_, body)| body.contains("tasks"))
        })
        .await;
        stack.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn an_app_that_cannot_start_is_named_with_the_end_of_its_log() {
    let folder = Folder::new();
    let mut options = options(&folder, &["tasks"]);
    options.commands.insert("tasks".to_owned(), ["/bin/sh", "-c", "echo no such setting; exit 64"].map(str::to_owned).to_vec());
    let error = stack::Stack::start(options, stack::quiet()).await.unwrap_err().to_string();
    assert!(error.contains("tasks") && error.contains("64") && error.contains("no such setting"), "{error}");
}
