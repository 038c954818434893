//! Pub/sub: what is published arrives, each entry with its own id, type, trace and data.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use sidecar::publish::Message;
use sidecar::{Context, Sidecar, Trace};
use uuid::Uuid;

use crate::ground::{SOON, alone, eventually, shared};

fn message(run: &str, number: usize, traceparent: Option<String>) -> Message {
    Message {
        id: format!("{run}-{number}"),
        event_type: format!("kind.{number}"),
        key: format!("key-{}", number % 3),
        traceparent,
        data: serde_json::to_vec(&json!({ "run": run, "number": number, "big": i64::MAX, "text": "ä€𝄞" })).unwrap().into(),
    }
}

#[tokio::test]
async fn a_published_event_reaches_the_other_app_whole() {
    let ground = shared().await;
    let (run, trace) = (Uuid::new_v4().to_string(), Trace::root());
    ground.sidecar("tasks").publish("pubsub", "task-events", &message(&run, 1, Some(trace.to_string()))).await.unwrap();
    // Each app is a group of its own, so both get it.
    for app in ["tasks", "identity"] {
        let event = eventually("the event arrives", async || {
            ground.peer(app).events(|event| event["data"]["run"] == *run).into_iter().next()
        })
        .await;
        assert_eq!(event["id"], format!("{run}-1"));
        assert_eq!(event["type"], "kind.1");
        assert_eq!(event["source"], "tasks");
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["topic"], "task-events");
        assert_eq!(event["pubsubname"], "pubsub");
        assert_eq!(event["traceparent"], trace.to_string());
        assert_eq!(event["data"], json!({ "run": run, "number": 1, "big": i64::MAX, "text": "ä€𝄞" }));
    }
}

#[tokio::test]
async fn every_entry_of_a_batch_keeps_its_id_type_and_trace() {
    let ground = shared().await;
    let run = Uuid::new_v4().to_string();
    let traces: Vec<Trace> = (0..200).map(|_| Trace::root()).collect();
    let messages: Vec<Message> =
        traces.iter().enumerate().map(|(number, trace)| message(&run, number, Some(trace.to_string()))).collect();
    let failed = ground.sidecar("tasks").publish_bulk("pubsub", "reminders", &messages).await.unwrap();
    assert_eq!(failed, []);
    let events = eventually("all arrive", async || {
        let events = ground.peer("identity").events(|event| event["data"]["run"] == *run);
        (events.len() >= messages.len()).then_some(events)
    })
    .await;
    for event in &events {
        let number = usize::try_from(event["data"]["number"].as_u64().unwrap()).unwrap();
        assert_eq!(event["id"], format!("{run}-{number}"));
        assert_eq!(event["type"], format!("kind.{number}"));
        assert_eq!(event["traceparent"], traces[number].to_string());
    }
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), events.len()), (200, 200));
}

#[tokio::test]
async fn an_event_without_a_trace_of_its_own_belongs_to_the_work_in_hand() {
    let ground = shared().await;
    let (run, context) = (Uuid::new_v4().to_string(), Context::root());
    let sidecar = ground.sidecar("tasks");
    let publish = async { sidecar.publish("pubsub", "task-events", &message(&run, 1, None)).await };
    sidecar::trace::within(context.clone(), publish).await.unwrap();
    let event = eventually("the event arrives", async || {
        ground.peer("identity").events(|event| event["data"]["run"] == *run).into_iter().next()
    })
    .await;
    let seen = Trace::parse(event["traceparent"].as_str().unwrap()).unwrap();
    assert_eq!(seen.trace_id, context.trace.trace_id);
}

#[tokio::test]
async fn a_component_that_is_not_ours_is_refused_and_not_unavailable() {
    let ground = shared().await;
    let error = ground.sidecar("tasks").publish("nowhere", "task-events", &message("x", 1, None)).await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn a_broker_that_is_away_is_unavailable_and_back_without_a_restart() {
    let ground = alone().await;
    let sidecar = ground.sidecar("tasks");
    let run = Uuid::new_v4().to_string();
    ground.stack.stop("redis").await.unwrap();
    let single = sidecar.publish("pubsub", "task-events", &message(&run, 1, None)).await.unwrap_err();
    assert!(single.is_unavailable(), "{single}");
    match sidecar.publish_bulk("pubsub", "task-events", &[message(&run, 2, None), message(&run, 3, None)]).await {
        Ok(failed) => assert_eq!(failed.len(), 2, "{failed:?}"),
        Err(error) => assert!(error.is_unavailable(), "{error}"),
    }
    ground.stack.start_part("redis").await.unwrap();
    eventually("an event is taken again", async || sidecar.publish("pubsub", "task-events", &message(&run, 4, None)).await.ok())
        .await;
    eventually("and arrives", async || {
        ground.peer("identity").events(|event| event["id"] == format!("{run}-4")).into_iter().next()
    })
    .await;
    ground.stack.wait_ready(SOON).await.unwrap();
}

/// Three tries of 5 s and two pauses of 2 s at most, as the resiliency file says, and what a busy machine adds.
const GIVEN_UP: Duration = Duration::from_secs(3 * 5 + 2 * 2 + 3);

#[tokio::test]
async fn publishing_to_a_broker_that_is_away_or_silent_ends_in_an_error_within_its_time() {
    let ground = alone().await;
    // More than daprd may take, so that what ends a call is daprd's own doing.
    let (patient, hasty) = (ground.observed("tasks", SOON, ()), ground.observed("tasks", Duration::from_secs(1), ()));
    let run = Uuid::new_v4().to_string();
    ground.stack.stop("redis").await.unwrap();
    for number in 0..3 {
        let began = Instant::now();
        let error = patient.publish("pubsub", "task-events", &message(&run, number, None)).await.unwrap_err();
        assert!(error.is_unavailable() && began.elapsed() < GIVEN_UP, "{error} after {:?}", began.elapsed());
    }
    ground.stack.start_part("redis").await.unwrap();
    let taken = async || patient.publish("pubsub", "task-events", &message(&run, 3, None)).await.ok();
    eventually("an event is taken", taken).await;

    // A broker that takes the connection and says nothing is the worse one.
    ground.stack.pause("redis").await.unwrap();
    let timed = async |sidecar: &Sidecar, number| {
        let began = Instant::now();
        (sidecar.publish("pubsub", "task-events", &message(&run, number, None)).await, began.elapsed())
    };
    let (ours, daprds) = tokio::join!(timed(&hasty, 4), timed(&patient, 5));
    ground.stack.resume("redis").await.unwrap();
    let (error, took) = (ours.0.unwrap_err(), ours.1);
    assert!(error.is_unavailable() && took < Duration::from_secs(3), "{error} after {took:?}");
    let (error, took) = (daprds.0.unwrap_err(), daprds.1);
    assert!(error.is_unavailable() && took < GIVEN_UP, "{error} after {took:?}");
    eventually("an event is taken again", taken).await;
    ground.stack.wait_ready(SOON).await.unwrap();
}
