//! The relay on 20,000 waiting rows against bare bulk publishes of the same messages.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use contracts::topic::{PUBSUB, TASK_EVENTS};
use serde_json::{Value, json};
use sidecar::publish::Message;
use stack::Set;

use crate::ground::Ground;
use crate::machine::{cpu_with_children, pid};
use crate::report::{Goal, Report};

/// 20,000 rows in four turns of each way, so that a busy neighbour meets both.
const ROWS: i32 = 5_000;
const TURNS: usize = 4;
/// What the relay takes at once, and so what the bare side sends at once.
const BATCH: usize = 500;

/// Rows as the app writes them, each of a key of its own.
const PREPARE: &str = "with template as (
    select payload, traceparent from tasks.outbox_events where topic = 'task-events' order by seq limit 1
  ), ids as (
    select gen_random_uuid() as id, gen_random_uuid() as task_id from generate_series(1, $1)
  )
  insert into tasks.outbox_events (id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload, traceparent)
  select id, 'task-events', task_id::text, 'task', task_id, 1, 'task.created', payload || jsonb_build_object('event_id', id, 'task_id', task_id), traceparent
  from ids, template";
/// The same messages for the bare side.
const SAME: &str =
    "select jsonb_agg(jsonb_build_object('id', id, 'key', key, 'traceparent', traceparent, 'payload', payload::text))
  from (select * from tasks.outbox_events where topic = 'task-events' order by seq desc limit $1) o";

/// Measures both ways in turns.
///
/// # Errors
/// When rows stay behind or the broker refuses.
pub async fn measure(ground: &Ground, report: &mut Report) -> Result<()> {
    ground.person.create_task(&json!({ "title": "Submit report" })).await?;
    ground.drained().await?;
    let parts = parts(ground.set);
    let (mut relay, mut bare) = (0.0, 0.0);
    let mut costs = [vec![0.0; parts.len()], vec![0.0; parts.len()]];
    for _ in 0..TURNS {
        let before = spent(ground, &parts)?;
        relay += drained(ground).await?;
        let between = spent(ground, &parts)?;
        add(&mut costs[0], &before, &between);
        // Reading the messages is no part of either side.
        let messages = same(ground).await?;
        let before = spent(ground, &parts)?;
        bare += published(ground, &messages).await?;
        add(&mut costs[1], &before, &spent(ground, &parts)?);
    }
    let (relay, bare) = (f64::from(ROWS) * TURNS as f64 / relay, f64::from(ROWS) * TURNS as f64 / bare);
    let broker = crate::report::broker(ground.set);
    let detail = format!("{relay:.0} rows/s against {bare:.0} messages/s, batches of {BATCH}");
    report.add(format!("relay drain ÷ bare bulk publish, {broker}"), relay / bare, "", Goal::Least(0.70), detail);
    for (cost, way) in costs.iter().zip(["relay drain", "bare bulk publish"]) {
        let each: Vec<f64> = cost.iter().map(|cost| cost * 1e6 / (f64::from(ROWS) * TURNS as f64)).collect();
        let shown: Vec<String> = parts.iter().zip(&each).map(|(part, cost)| format!("{part} {cost:.0}")).collect();
        report.add(format!("CPU a row, {way}, {broker}"), each.iter().sum(), " µs", Goal::None, shown.join(", "));
    }
    Ok(())
}

/// Who has work to do on the way of an event to the broker.
fn parts(set: Set) -> [&'static str; 4] {
    ["tasks", "tasks-daprd", "postgres", if set == Set::Local { "redis" } else { "kafka" }]
}

fn spent(ground: &Ground, parts: &[&str]) -> Result<Vec<Duration>> {
    parts.iter().map(|part| cpu_with_children(pid(ground.stack(), part)?)).collect()
}

fn add(costs: &mut [f64], before: &[Duration], after: &[Duration]) {
    for (cost, (before, after)) in costs.iter_mut().zip(before.iter().zip(after)) {
        *cost += after.saturating_sub(*before).as_secs_f64();
    }
}

/// Seconds that the relay needs for the rows.
async fn drained(ground: &Ground) -> Result<f64> {
    let rows = ground.database.client().execute(PREPARE, &[&ROWS]).await?;
    let began = Instant::now();
    ensure!(rows == u64::try_from(ROWS)?, "{rows} rows were prepared");
    // A commit of the app's own wakes its relay; these rows were another's.
    ground.direct("tasks", http::Method::POST, "/tasks", Some(&json!({ "title": "Submit report" })), 201).await?;
    ground.drained().await?;
    Ok(began.elapsed().as_secs_f64())
}

/// The messages of the rows that were drained last.
async fn same(ground: &Ground) -> Result<Vec<Message>> {
    let rows = ground.database.client().query_one(SAME, &[&i64::from(ROWS)]).await?;
    let rows: Vec<Value> = serde_json::from_value(rows.try_get(0)?)?;
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let messages: Vec<Message> = rows
        .iter()
        .map(|row| Message {
            id: text(row, "id"),
            event_type: "task.created".to_owned(),
            key: text(row, "key"),
            traceparent: row["traceparent"].as_str().map(str::to_owned),
            data: Bytes::from(text(row, "payload")),
        })
        .collect();
    ensure!(messages.len() == usize::try_from(ROWS)?, "{} messages", messages.len());
    Ok(messages)
}

/// Seconds that one loop of bulk publishes needs for them.
async fn published(ground: &Ground, messages: &[Message]) -> Result<f64> {
    let sidecar = ground.sidecar()?;
    let began = Instant::now();
    for batch in messages.chunks(BATCH) {
        let failed = sidecar.publish_bulk(PUBSUB, TASK_EVENTS, batch).await?;
        ensure!(failed.is_empty(), "{failed:?}");
    }
    Ok(began.elapsed().as_secs_f64())
}
