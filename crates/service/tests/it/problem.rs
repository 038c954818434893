//! Every refusal has one shape and tells nothing that is not the caller's.

use serde_json::Value;
use service::request::MAX_BODY;

use crate::ground::{Answer, Ground, alone, eventually, shared};

const JSON: (&str, &str) = ("content-type", "application/json");

/// The whole shape of RFC 9457 with our members.
fn is_problem(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("urn:outrigger:problem:{code}"));
    for member in ["title", "detail", "instance", "correlation_id"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
    }
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(32));
    assert!(body["errors"].is_array());
    assert_eq!(body["instance"], format!("urn:outrigger:request:{}", body["correlation_id"].as_str().unwrap()));
    body
}

fn tells_nothing(answer: &Answer) {
    let words = [
        "hunter2",
        "select",
        "insert",
        "panicked",
        "stack",
        "127.0.0.1",
        "10.0.0.7",
        "postgres",
        "SQLSTATE",
        "daprd",
        ".rs:",
        "ERR_",
    ];
    for word in words {
        assert!(!answer.body.to_lowercase().contains(&word.to_lowercase()), "{word}: {}", answer.body);
    }
}

async fn post(ground: &Ground, body: impl Into<reqwest::Body>) -> Answer {
    let token = format!("Bearer {}", ground.token());
    ground.ask("POST", "/things", &[("authorization", &token), JSON, ("x-correlation-id", "problem-7")], body).await
}

#[tokio::test]
async fn a_body_that_is_no_json_is_400_with_its_place() {
    let ground = shared().await;
    for body in ["", "{", "{\"name\": }", "{\"name\": \"\\ud800\"}", "\u{feff}{}", "nul"] {
        let answer = post(&ground, body).await;
        let problem = is_problem(&answer, 400, "malformed_json");
        assert!(problem["detail"].as_str().unwrap().starts_with("Line 1, column "), "{problem}");
        assert_eq!((problem["correlation_id"].as_str(), answer.header("x-correlation-id")), (Some("problem-7"), "problem-7"));
    }
    let deep = "[".repeat(100_000);
    is_problem(&post(&ground, deep).await, 400, "malformed_json");
}

#[tokio::test]
async fn several_broken_fields_are_named_in_one_answer() {
    let ground = shared().await;
    let answer = post(&ground, r#"{"name":"","amount":77,"colour":"red","\u0000":1}"#).await;
    let problem = is_problem(&answer, 422, "invalid_fields");
    let named: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["field"].as_str().unwrap(), error["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [
            ("name", "must have 1 to 60 characters, has 0"),
            ("amount", "must be a whole number from 0 to 9"),
            ("\0", "is not a field of this request"),
            ("colour", "is not a field of this request"),
        ]
    );
    for body in ["[]", "1", "null", "\"text\""] {
        assert_eq!(is_problem(&post(&ground, body).await, 422, "invalid_fields")["errors"][0]["field"], "body");
    }
    let answer = post(&ground, r#"{"name":"a\u0000b","amount":1}"#).await;
    assert!(is_problem(&answer, 422, "invalid_fields")["errors"][0]["message"].as_str().unwrap().contains("NUL"));
}

#[tokio::test]
async fn a_body_above_one_mebibyte_is_413_and_one_of_that_size_is_read() {
    let ground = shared().await;
    let body = |length: usize| format!("{{\"name\":\"{}\"}}", "x".repeat(length - 11));
    is_problem(&post(&ground, body(MAX_BODY + 1)).await, 413, "too_large");
    is_problem(&post(&ground, body(MAX_BODY)).await, 422, "invalid_fields");
    // Without a length that could be known beforehand, and so much that no buffer on the way holds it: who stopped reading at the limit would
    // break the connection, and nobody would see the answer.
    let stream = futures::stream::iter((0..100).map(|_| Ok::<_, std::convert::Infallible>("x".repeat(100_000))));
    is_problem(&post(&ground, reqwest::Body::wrap_stream(stream)).await, 413, "too_large");
}

#[tokio::test]
async fn another_kind_of_body_is_415() {
    let ground = shared().await;
    let answer = ground.ask("POST", "/raw", &[("content-type", "text/plain")], "{}").await;
    is_problem(&answer, 415, "unsupported_media_type");
    assert_eq!(ground.ask("POST", "/raw", &[("content-type", "application/merge-patch+json")], "{}").await.status, 200);
}

#[tokio::test]
async fn unknown_paths_ids_and_methods_have_the_shape_too() {
    let ground = shared().await;
    let token = format!("Bearer {}", ground.token());
    let headers = [("authorization", token.as_str())];
    for path in ["/nothing", "/things/", "/things/no-uuid", "/things/01a00000-0000-7000-8000-000000000000", "//", "/things/a/b"] {
        is_problem(&ground.ask("GET", path, &headers, "").await, 404, "not_found");
    }
    for (method, path) in
        [("DELETE", "/things"), ("PATCH", "/me"), ("POST", "/health"), ("DELETE", "/ready"), ("PUT", "/metrics")]
    {
        let answer = ground.ask(method, path, &headers, "").await;
        is_problem(&answer, 405, "method_not_allowed");
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
    for path in ["/jobs/nothing", "/events", "/events/"] {
        is_problem(&ground.as_sidecar(path, "{}").await, 404, "not_found");
    }
}

#[tokio::test]
async fn a_panic_is_500_and_tells_nothing() {
    let ground = shared().await;
    let answer = ground.ask("GET", "/panic", &[("x-correlation-id", "panic-1")], "").await;
    is_problem(&answer, 500, "internal");
    tells_nothing(&answer);
    assert_eq!(answer.header("x-correlation-id"), "panic-1");
    // The log has what the caller does not get.
    let lines = ground.log();
    let of_story: Vec<_> = lines.iter().filter(|line| line["correlation_id"] == "panic-1").collect();
    assert_eq!(of_story.iter().map(|line| line["message"].as_str().unwrap()).collect::<Vec<_>>(), ["a panic", "request"]);
    assert!(of_story[0]["location"].as_str().unwrap().contains("probe.rs"), "{}", of_story[0]);
    assert!(of_story.iter().all(|line| line["cause"].as_str().unwrap().contains("hunter2")), "{of_story:?}");
}

#[tokio::test]
async fn a_refused_statement_is_500_and_tells_nothing() {
    let ground = shared().await;
    let body = format!("{{\"name\":\"{}\",\"amount\":1}}", uuid::Uuid::new_v4());
    assert_eq!(post(&ground, body.clone()).await.status, 201);
    let answer = post(&ground, body).await;
    is_problem(&answer, 500, "internal");
    tells_nothing(&answer);
}

#[tokio::test]
async fn a_stopped_database_is_503_and_tells_nothing() {
    let ground = alone().await;
    ground.stack.stop("postgres").await.unwrap();
    let token = format!("Bearer {}", ground.token());
    let read = ground.ask("GET", "/things/01a00000-0000-7000-8000-000000000000", &[("authorization", &token)], "").await;
    for answer in [post(&ground, r#"{"name":"x","amount":1}"#).await, read] {
        is_problem(&answer, 503, "unavailable");
        tells_nothing(&answer);
        assert_eq!(answer.header("retry-after"), "1");
    }
    ground.stack.start_part("postgres").await.unwrap();
    let body = format!("{{\"name\":\"{}\",\"amount\":1}}", uuid::Uuid::new_v4());
    eventually("it stores again", async || (post(&ground, body.clone()).await.status == 201).then_some(())).await;
    ground.well().await;
}
