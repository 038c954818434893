//! One access line a request, one JSON object a line, one correlation id a story.

use serde_json::Value;
use uuid::Uuid;

use crate::ground::{eventually, id, shared};
use crate::issuer::person;

/// The access line of a correlation id.
async fn line(ground: &crate::ground::Ground, correlation_id: &str) -> Value {
    eventually("the access line", async || {
        ground.log().into_iter().find(|line| line["message"] == "request" && line["correlation_id"] == correlation_id)
    })
    .await
}

#[tokio::test]
async fn every_line_is_json_with_the_keys_that_are_searched_for() {
    let ground = shared().await;
    ground.ask("GET", "/nothing", &[], "").await;
    let lines = ground.log();
    assert!(lines.len() > 4);
    for line in lines {
        for key in ["timestamp", "level", "service", "message"] {
            assert!(line[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {line}");
        }
        assert_eq!(line["service"], "tasks");
        assert!(line.get("correlation_id").is_some() && line.get("trace_id").is_some(), "{line}");
        if line["message"] == "request" {
            assert!(line["correlation_id"].is_string() && line["trace_id"].is_string(), "{line}");
        }
    }
}

#[tokio::test]
async fn a_request_leaves_one_line_that_says_who_what_and_how_long() {
    let ground = shared().await;
    let (claims, story, body) = (person(), Uuid::new_v4().to_string(), format!(r#"{{"name":"{}","amount":1}}"#, Uuid::new_v4()));
    let token = format!("Bearer {}", ground.issuer.key.sign(&claims));
    let headers = [("authorization", token.as_str()), ("content-type", "application/json"), ("x-correlation-id", &story)];
    let made = ground.ask("POST", "/things", &headers, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let line = line(&ground, &story).await;
    assert_eq!(
        (line["method"].as_str(), line["route"].as_str(), line["status"].as_u64()),
        (Some("POST"), Some("/things"), Some(201))
    );
    assert_eq!(line["user_id"], claims.user_id.unwrap().to_string());
    assert_eq!(
        (line["request_bytes"].as_u64(), line["response_bytes"].as_u64()),
        (Some(body.len() as u64), Some(made.body.len() as u64))
    );
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    let read = format!("/things/{}", made.json()["id"].as_str().unwrap());
    let story = Uuid::new_v4().to_string();
    ground.ask("GET", &read, &[("authorization", &token), ("x-correlation-id", &story)], "").await;
    // The pattern, never the path.
    assert_eq!(self::line(&ground, &story).await["route"], "/things/{id}");
    assert_eq!(ground.log().iter().filter(|line| line["message"] == "request" && line["correlation_id"] == *story).count(), 1);
}

#[tokio::test]
async fn a_clean_correlation_id_is_kept_and_any_other_replaced() {
    let ground = shared().await;
    for name in ["x-correlation-id", "x-request-id"] {
        let answer = ground.ask("GET", "/nothing", &[(name, "order-42.a_B")], "").await;
        assert_eq!((answer.header("x-correlation-id"), answer.header("x-request-id")), ("order-42.a_B", "order-42.a_B"));
    }
    let long = "x".repeat(129);
    for bad in ["a b", "a/b", "a\"b", "{}", &long, ""] {
        let answer = ground.ask("GET", "/nothing", &[("x-correlation-id", bad)], "").await;
        let given = answer.header("x-correlation-id");
        assert!(given != bad && given.len() == 32 && given == answer.json()["correlation_id"], "{bad}: {given}");
    }
}

#[tokio::test]
async fn the_correlation_id_goes_along_with_calls_and_events() {
    let ground = shared().await;
    let story = Uuid::new_v4().to_string();
    let trace = sidecar::Trace::root();
    let (token, traceparent) = (format!("Bearer {}", ground.token()), trace.to_string());
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/json"),
        ("x-correlation-id", &story),
        ("traceparent", &traceparent),
    ];
    assert_eq!(ground.ask("GET", "/onward", &headers, "").await.status, 200);
    let heard = ground.issuer.heard("/onward");
    let heard =
        heard.iter().find(|headers| headers.get("x-correlation-id").is_some_and(|value| value == story.as_str())).unwrap();
    let seen = sidecar::Trace::parse(heard["traceparent"].to_str().unwrap()).unwrap();
    assert_eq!(seen.trace_id, trace.trace_id);

    let made = ground.ask("POST", "/things", &headers, format!(r#"{{"name":"{story}","amount":1}}"#)).await.json();
    // The event that the change caused was handled, and the line that says so belongs to the same story.
    let line = eventually("the event's line", async || {
        ground.log().into_iter().find(|line| line["message"] == "event" && line["event_id"] == made["event_id"])
    })
    .await;
    assert_eq!((&line["correlation_id"], &line["effect"]), (&Value::from(story.as_str()), &Value::from("Done")), "{line}");
    assert_eq!(line["trace_id"], format!("{:032x}", trace.trace_id));
    eventually("the effect", async || (ground.count("effects", id(&made)).await == 1).then_some(())).await;
}

#[tokio::test]
async fn neither_tokens_nor_bodies_are_logged() {
    let ground = shared().await;
    let (token, marker, story) = (ground.token(), Uuid::new_v4().simple().to_string(), Uuid::new_v4().to_string());
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-correlation-id", &story)];
    let long = "y".repeat(70);
    for body in [
        format!(r#"{{"name":"{marker}","amount":1}}"#),
        format!(r#"{{"name":"{marker}","amount":1}}"#),
        format!(r#"{{"name":"{marker}{long}","amount":"{marker}","{marker}":1}}"#),
        format!(r#"{{"name":"{marker}"#),
    ] {
        ground.ask("POST", &format!("/things?q={marker}"), &headers, body).await;
    }
    let expired = ground.issuer.key.sign(&contracts::token::Claims { exp: 1, ..person() });
    ground.ask("GET", "/me", &[("authorization", &format!("Bearer {expired}"))], "").await;
    line(&ground, &story).await;
    let everything = ground.log().iter().map(Value::to_string).collect::<String>();
    let secrets =
        [&token, &expired, &marker, &ground.instance("tasks", 0).app_api_token, &ground.instance("tasks", 0).dapr_api_token];
    for secret in secrets {
        assert!(
            !everything.contains(secret.as_str()),
            "{}",
            ground.log().iter().find(|line| line.to_string().contains(secret.as_str())).unwrap()
        );
    }
}
