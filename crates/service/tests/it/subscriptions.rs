//! A sidecar whose subscriptions could lose events: the app beside it is not ready and says why.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::caller::free_port;
use crate::ground::{ask, eventually, options};
use crate::issuer::serve;

#[tokio::test]
async fn without_resiliency_and_dead_letters_an_app_is_not_ready_and_says_why() {
    let mut options = options("bare", &["tasks"]);
    // The repository without the resiliency file.
    let (real, root) = (options.root.clone(), options.run_dir.join("repository"));
    for set in ["common", "local"] {
        let folder = root.join("components").join(set);
        std::fs::create_dir_all(&folder).unwrap();
        for entry in std::fs::read_dir(real.join("components").join(set)).unwrap() {
            let path = entry.unwrap().path();
            if !path.ends_with("resiliency.yaml") {
                std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    std::fs::copy(real.join("dapr.yaml"), root.join("dapr.yaml")).unwrap();
    std::os::unix::fs::symlink(real.join("scripts"), root.join("scripts")).unwrap();
    options.root = root;
    // The sidecar hears of other subscriptions than the app's: one without dead letters, and three not at all.
    let port = free_port();
    options.env.entry("tasks".to_owned()).or_default().insert("APP_PORT".to_owned(), port.to_string());
    let mut stack = stack::Stack::prepare(options).await.unwrap();
    let subscriptions = json!([{ "pubsubname": "pubsub", "topic": "task-events", "route": "/events/task-events" }]);
    let router = Router::new()
        .route("/ready", get(async || "{}"))
        .route("/dapr/config", get(async || "{}"))
        .route("/dapr/subscribe", get(async || Json(subscriptions)));
    serve(stack.instance("tasks", 0).unwrap().app_port, router);
    stack.up(stack::quiet()).await.unwrap();

    let answer = eventually("the app has started", async || {
        let answer = ask(port, "GET", "/ready", &[], "").await.ok()?;
        (answer.json()["checks"]["app"] == "up" && answer.json()["checks"]["subscriptions"].is_string()).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 503);
    let said = answer.json()["checks"]["subscriptions"].as_str().unwrap().to_owned();
    for fault in [
        "no resiliency named outrigger-resiliency",
        "task-events has no dead-letter topic",
        "user-events is not subscribed",
        "task-updates is not subscribed",
        "task-events-dlq is not subscribed",
    ] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
    stack.shutdown().await.unwrap();
}
