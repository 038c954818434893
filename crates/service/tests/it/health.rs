//! What is asked about a process, while its parts go away one at a time and come back.

use serde_json::Value;

use crate::caller::free_port;
use crate::ground::{Answer, Ground, alone, ask, eventually, probe, shared};

async fn get(ground: &Ground, path: &str) -> Answer {
    ground.ask("GET", path, &[], "").await
}

/// Waits until `/ready` says this, and gives what it said.
async fn ready(ground: &Ground, status: u16, word: &str, check: &str, value: &str) -> Value {
    eventually(&format!("ready is {status} {word} with {check} {value}"), async || {
        let answer = get(ground, "/ready").await;
        let body = answer.json();
        (answer.status == status && body["status"] == word && body["checks"][check] == value).then_some(body)
    })
    .await
}

fn starts(ground: &Ground) -> usize {
    ground.log().iter().filter(|line| line["message"] == "started").count()
}

#[tokio::test]
async fn a_whole_app_is_ready_and_its_checks_are_those_it_needs() {
    let ground = shared().await;
    let body = ready(&ground, 200, "ready", "app", "up").await;
    let names: Vec<&String> = body["checks"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["app", "database", "keys", "pubsub", "sidecar", "statestore", "subscriptions"]);
    let dapr = get(&ground, "/health/dapr").await;
    assert_eq!((dapr.status, dapr.json()["status"].as_str()), (200, Some("up")), "{}", dapr.body);
    let health = get(&ground, "/health").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    assert_eq!(health.json()["checks"]["database"], "up");
}

#[tokio::test]
async fn each_part_that_goes_is_named_and_the_app_is_whole_when_it_is_back() {
    let ground = alone().await;
    let before = starts(&ground);
    for (part, status, word, check) in [
        ("redis", 200, "degraded", "pubsub"),
        ("postgres", 503, "unavailable", "database"),
        ("tasks-daprd", 503, "unavailable", "sidecar"),
    ] {
        ready(&ground, 200, "ready", check, "up").await;
        ground.stack.stop(part).await.unwrap();
        let body = ready(&ground, status, word, check, "down").await;
        if part == "postgres" {
            assert_eq!(body["checks"]["statestore"], "down");
        }
        let dapr = get(&ground, "/health/dapr").await;
        assert_eq!((dapr.status, dapr.json()["status"].as_str()), (503, Some("down")), "{part}: {}", dapr.body);
        assert_eq!(dapr.json()["checks"][check], "down", "{part}");
        let health = get(&ground, "/health").await;
        assert_eq!((health.status, health.json()["checks"][check].as_str()), (200, Some("down")), "{part}");
        ground.stack.start_part(part).await.unwrap();
        ready(&ground, 200, "ready", check, "up").await;
        ground.well().await;
    }
    assert_eq!(starts(&ground), before, "an app was restarted");
}

#[tokio::test]
async fn a_silent_part_does_not_make_the_checks_hang() {
    let ground = alone().await;
    ready(&ground, 200, "ready", "database", "up").await;
    ground.stack.pause("postgres").await.unwrap();
    let begun = std::time::Instant::now();
    let answer = get(&ground, "/ready").await;
    let took = begun.elapsed();
    ground.stack.resume("postgres").await.unwrap();
    assert_eq!((answer.status, answer.json()["checks"]["database"].as_str()), (503, Some("down")), "{}", answer.body);
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    ready(&ground, 200, "ready", "database", "up").await;
    ground.well().await;
}

#[tokio::test]
async fn an_app_whose_sidecar_is_not_there_yet_lives_and_says_so() {
    let port = free_port();
    let mut child = tokio::process::Command::new(probe())
        .env("APP_PORT", port.to_string())
        .env("DAPR_HTTP_PORT", "1")
        .env("DAPR_GRPC_PORT", "1")
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let health = eventually("it listens", async || ask(port, "GET", "/health", &[], "").await.ok()).await;
    assert_eq!(health.status, 200);
    let ready = ask(port, "GET", "/ready", &[], "").await.unwrap();
    assert_eq!((ready.status, ready.json()["checks"]["app"].as_str()), (503, Some("starting")), "{}", ready.body);
    let other = ask(port, "GET", "/me", &[], "").await.unwrap();
    assert_eq!((other.status, other.json()["code"].as_str(), other.header("retry-after")), (503, Some("unavailable"), "1"));
    assert_eq!(ask(port, "GET", "/dapr/subscribe", &[], "").await.unwrap().json()[0]["deadLetterTopic"], "task-events-dlq");
    child.kill().await.unwrap();
}
