//! Create and list through the app against the same statement sent straight to the binding of the same sidecar.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use contracts::task::{Priority, Status, Task, TaskEvent};
use contracts::update::{Change, UpdateEvent};
use contracts::{Event, Metadata, Topic};
use futures::FutureExt;
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::Ground;
use crate::report::{Goal, Report};
use crate::stats::{Way, alternate};

const CREATE: &str = include_str!("../../apps/tasks/src/store/create.sql");
const LIST: &str = include_str!("../../apps/tasks/src/store/list.sql");

/// Long enough for some thousand calls each way.
const TIME: Duration = Duration::from_secs(6);
/// Before the first counted call: pools and plans are made.
const WARM: Duration = Duration::from_secs(1);
/// The goal of issue 3.
const MOST: f64 = 1.25;

/// Measures both with one caller and with eight.
///
/// # Errors
/// When a call fails.
pub async fn measure(ground: &Ground, report: &mut Report) -> Result<()> {
    let create: [Way<'_>; 3] = [
        Box::new(|round| bare_create(ground, round).boxed()),
        Box::new(|round| app_create(ground, round, false).boxed()),
        Box::new(|round| app_create(ground, round, true).boxed()),
    ];
    let list: [Way<'_>; 3] = [
        Box::new(|_| bare_list(ground).boxed()),
        Box::new(|_| app_list(ground, false).boxed()),
        Box::new(|_| app_list(ground, true).boxed()),
    ];
    for (what, ways) in [("create", create), ("list of 20", list)] {
        alternate(8, WARM, &ways).await?;
        for callers in [1, 8] {
            let [bare, direct, invoked] = alternate(callers, TIME, &ways).await?;
            let detail = |side: &crate::stats::Samples| {
                format!("p50 {:.2} ms against {:.2} ms, {} calls each", side.at(0.5), bare.at(0.5), side.len())
            };
            let named = |way: &str| {
                format!("{what}, {way} ÷ bare statement, p50, {callers} caller{}", if callers > 1 { "s" } else { "" })
            };
            report.add(named("app"), direct.at(0.5) / bare.at(0.5), "", Goal::Most(MOST), detail(&direct));
            report.add(named("app through its sidecar"), invoked.at(0.5) / bare.at(0.5), "", Goal::None, detail(&invoked));
        }
    }
    Ok(())
}

fn title(round: usize) -> String {
    format!("Submit report {round}")
}

async fn app_create(ground: &Ground, round: usize, through: bool) -> Result<()> {
    let body = json!({ "title": title(round), "priority": "high", "due_at": "2099-03-01T14:00:00Z" });
    match through {
        false => ground.direct("tasks", Method::POST, "/tasks", Some(&body), 201).await.map(drop),
        true => ground.invoked("tasks", "tasks", Method::POST, "/tasks", Some(&body), 201).await.map(drop),
    }
}

async fn app_list(ground: &Ground, through: bool) -> Result<()> {
    match through {
        false => ground.direct("tasks", Method::GET, "/tasks", None, 200).await.map(drop),
        true => ground.invoked("tasks", "tasks", Method::GET, "/tasks", None, 200).await.map(drop),
    }
}

async fn bare_create(ground: &Ground, round: usize) -> Result<()> {
    ground.statement("exec", CREATE, &document(ground, round)?).await.map(drop)
}

async fn bare_list(ground: &Ground) -> Result<()> {
    let document = json!({ "user_id": ground.person.user_id, "sort": [], "limit": 20, "offset": 0 });
    ground.statement("query", LIST, &document).await.map(drop)
}

/// What the app sends for such a request.
fn document(ground: &Ground, round: usize) -> Result<Value> {
    let now = DateTime::<Utc>::from(std::time::SystemTime::now());
    let task = Task {
        id: Uuid::now_v7(),
        user_id: ground.person.user_id,
        tenant_id: ground.person.tenant_id,
        title: title(round),
        description: None,
        status: Status::Todo,
        priority: Priority::High,
        due_at: Some("2099-03-01T14:00:00Z".parse()?),
        reminder_offset_minutes: None,
        tags: Vec::new(),
        recurrence_pattern: None,
        series_id: None,
        occurrence: None,
        recurrence_ended: false,
        completed_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let update = UpdateEvent::Update {
        change: Change::Created,
        task_id: task.id,
        version: 1,
        task: Some(Box::new(task.clone())),
        notification: None,
    };
    let events = [row(&task, TaskEvent::Created { task_id: task.id, task_snapshot: task.clone() })?, row(&task, update)?];
    Ok(json!({ "task": task, "pattern": null, "tags": [], "events": events, "answer": null }))
}

fn row<B: Topic + Serialize>(task: &Task, body: B) -> Result<Value> {
    let (id, event_type, traceparent) =
        (Uuid::now_v7(), body.event_type(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let metadata = Metadata {
        correlation_id: id.simple().to_string(),
        causation_id: None,
        source: "tasks".to_owned(),
        user_id: task.user_id,
        tenant_id: task.tenant_id,
        key: task.id.to_string(),
        sequence: task.version,
        traceparent: Some(traceparent.to_owned()),
    };
    let event = Event { event_id: id, schema_version: "1.0".to_owned(), occurred_at: task.updated_at, metadata, body };
    Ok(json!({
        "id": id, "topic": B::TOPIC, "key": task.id, "aggregate_type": B::AGGREGATE, "aggregate_id": task.id, "aggregate_version": task.version,
        "event_type": event_type, "payload": event, "traceparent": traceparent,
    }))
}
