//! Headers that a client has no business to send have no effect.

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;
use tests::{Person, story};
use uuid::Uuid;

/// Headers that a sidecar obeys, or that say where a request came from.
const FORGED: [&[(&str, &str)]; 9] = [
    &[("dapr-app-id", "identity")],
    &[("dapr-app-id", "nobody"), ("dapr-api-token", "guess")],
    &[("dapr-callee-app-id", "identity"), ("dapr-caller-app-id", "audit")],
    &[("dapr-caller-namespace", "default"), ("dapr-stream", "true")],
    &[("metadata.rawPayload", "true"), ("dapr-api-token", "")],
    &[
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=6.6.6.6;host=evil.example"),
    ],
    &[("host", "evil.example")],
    &[("x-http-method-override", "DELETE"), ("x-original-url", "/v1.0/metadata"), ("x-rewrite-url", "/internal/tasks/open")],
    &[("connection", "dapr-app-id, authorization-not"), ("te", "trailers"), ("proxy-authorization", "Basic eDp5")],
];

/// What is no trace context.
const TRACEPARENTS: [&str; 8] = [
    "garbage",
    "",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
    "00-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-00-4bf92f3577b34da6a3ce929d0e0e4736",
];

/// Requests from one address in a minute, as the harness sets it.
const OPEN_RATE: i64 = 6000;

#[tokio::test]
async fn contract_forged_headers_change_nothing() -> Result<()> {
    story(async |_, person| {
        for (number, headers) in FORGED.iter().enumerate() {
            let made = create(&person, headers, number).await?;
            let answer = person.send(Method::GET, &made, headers, None).await?;
            ensure!(answer.is(200)?.json()["title"] == format!("Task {number}"), "{headers:?}: {}", answer.body);
            let text = format!("{:?}{}", answer.headers, answer.body);
            ensure!(!text.contains("evil.example"), "{headers:?}: {text}");
        }
        ensure!(person.list("").await?.total == FORGED.len() as i64, "one task a request");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_trace_context_that_is_none_is_replaced() -> Result<()> {
    story(async |_, person| {
        for (number, traceparent) in TRACEPARENTS.iter().enumerate() {
            let headers =
                [("traceparent", *traceparent), ("tracestate", "x=\"y\""), ("baggage", "a=b"), ("grpc-trace-bin", "AAAA")];
            create(&person, &headers, number).await?;
            let answer = person.send(Method::GET, "/nothing", &headers, None).await?;
            let trace_id = answer.is(404)?.json()["trace_id"].as_str().unwrap_or_default().to_owned();
            let clean =
                trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()) && trace_id != "0".repeat(32);
            ensure!(clean && !trace_id.starts_with("4bf92f"), "{traceparent:?}: {trace_id}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_correlation_id_that_is_not_clean_is_replaced() -> Result<()> {
    story(async |_, person| {
        let long = "a".repeat(129);
        for bad in ["a b", "a\"b", "<script>", "a,b", "é", "{}", long.as_str()] {
            let answer = person.send(Method::GET, "/tasks", &[("X-Correlation-ID", bad)], None).await?;
            let given = answer.is(200)?.header("x-correlation-id");
            ensure!(
                !given.is_empty() && given != bad && given.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{bad:?}: {given}"
            );
        }
        let good = format!("{}._-Z", "a".repeat(124));
        let answer = person.send(Method::GET, "/tasks", &[("X-Correlation-ID", &good)], None).await?;
        ensure!(answer.header("x-correlation-id") == good && answer.header("x-request-id") == good, "{:?}", answer.headers);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_forged_address_does_not_dodge_the_limit() -> Result<()> {
    story(async |suite, _| {
        let mut remaining = 0;
        for number in 0..30 {
            let url = suite.url("/auth/token");
            let forged = format!("203.0.113.{number}");
            let request = suite.client().post(url).header("x-forwarded-for", &forged).header("x-real-ip", forged);
            let answer = request.json(&json!({ "grant_type": "password" })).send().await?;
            let header = answer.headers().get("ratelimit-remaining").context("ratelimit-remaining")?;
            remaining = header.to_str()?.parse::<i64>()?;
        }
        // Counted each by itself they would all have been the first.
        ensure!(remaining <= OPEN_RATE - 20, "{remaining} remain after 30");
        Ok(())
    })
    .await
}

/// Makes a task with further headers and gives its path.
async fn create(person: &Person, headers: &[(&str, &str)], number: usize) -> Result<String> {
    let body = json!({ "title": format!("Task {number}") }).to_string().into_bytes();
    let answer = person.send(Method::POST, "/tasks", headers, Some(body)).await?;
    let id: Uuid = serde_json::from_value(answer.is(201).with_context(|| format!("{headers:?}"))?.json()["id"].clone())?;
    ensure!(answer.header("location") == format!("/tasks/{id}"), "{headers:?}: {}", answer.header("location"));
    Ok(format!("/tasks/{id}"))
}
