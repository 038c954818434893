//! What is counted is what happened: the counts of every part against the run's own ledger. In a stack of its own, where nobody else counts.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually, metrics};
use uuid::Uuid;

use super::{SOON, alone, options};

/// What is done in this run.
const CREATED: usize = 30;
const UPDATED: usize = 12;
const COMPLETED: usize = 8;
const DELETED: usize = 5;
/// How often an event comes again.
const AGAIN: usize = 20;
/// The tasks have these in turn.
const PRIORITIES: [&str; 3] = ["high", "medium", "low"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_counts_are_those_of_the_run_and_twenty_duplicates_on_two_replicas_make_one_row() -> Result<()> {
    let mut options = options("counts", &["identity", "tasks", "audit", "gateway"])?;
    options.replicas.insert("audit".to_owned(), 2);
    alone(options, run).await
}

async fn run(suite: &Suite) -> Result<()> {
    let person = suite.person()?;
    let mut tasks = Vec::new();
    for number in 0..CREATED {
        let priority = PRIORITIES[number % PRIORITIES.len()];
        tasks.push(person.create_task(&json!({ "title": number.to_string(), "priority": priority })).await?.id);
    }
    for id in &tasks[..UPDATED] {
        person.patch(&format!("/tasks/{id}"), &json!({ "title": "changed" })).await?.is(200)?;
    }
    for id in &tasks[..COMPLETED] {
        person.complete(*id).await?;
    }
    for id in &tasks[..DELETED] {
        person.delete(&format!("/tasks/{id}")).await?.is(204)?;
    }
    let ledger = [("task.created", CREATED), ("task.updated", UPDATED), ("task.completed", COMPLETED), ("task.deleted", DELETED)];
    let changes = CREATED + UPDATED + COMPLETED + DELETED;
    for (event_type, count) in ledger {
        let labels = [("topic", "task-events"), ("event_type", event_type)];
        becomes(suite, "tasks", "events_published_total", &[labels[0], labels[1], ("result", "ok")], count).await?;
        let handled = [labels[0], labels[1], ("app", "audit")];
        becomes(suite, "audit", "event_processing_duration_seconds_count", &handled, count).await?;
    }
    let updates = [("topic", "task-updates"), ("event_type", "task.update"), ("result", "ok")];
    becomes(suite, "tasks", "events_published_total", &updates, changes).await?;
    becomes(suite, "audit", "audit_rows_written_total", &[], changes).await?;
    for (app, name) in
        [("audit", "events_duplicate_total"), ("audit", "event_processing_failures_total"), ("audit", "dlq_messages_total")]
    {
        becomes(suite, app, name, &[], 0).await?;
    }
    for (event_type, count) in ledger {
        let name = format!("{}_total", event_type.replace("task.", "tasks_"));
        for (at, priority) in PRIORITIES.into_iter().enumerate() {
            let of_it = (0..count).filter(|number| number % PRIORITIES.len() == at).count();
            becomes(suite, "tasks", &name, &[("priority", priority)], of_it).await?;
        }
    }
    // What was deleted was completed before.
    becomes(suite, "tasks", "tasks_open", &[], CREATED - COMPLETED).await?;

    at_the_same_time(suite, &person).await?;
    once_more(suite, tasks[0]).await?;
    given_up(suite, &person).await
}

/// Waits until a count is this one, summed over all instances, and not more.
pub(super) async fn becomes(suite: &Suite, app: &str, name: &str, labels: &[(&str, &str)], count: usize) -> Result<()> {
    eventually(&format!("{name} {labels:?} of {app} is {count}"), SOON, async || {
        let found = metrics::total(suite, app, name, labels).await?;
        ensure!(found == count as f64, "it is {found}");
        Ok(Some(()))
    })
    .await
}

/// An event that nobody has seen before.
pub(super) fn event(person: &Person, own: Value) -> Value {
    let id = Uuid::now_v7();
    let mut data = json!({
        "event_id": id, "schema_version": "1.0", "event_type": "task.deleted", "occurred_at": "2026-03-01T10:00:00Z",
        "metadata": { "correlation_id": "counts", "source": "tasks", "user_id": person.user_id, "tenant_id": person.tenant_id,
                      "key": id, "sequence": 1 },
    });
    if let (Some(data), Value::Object(own)) = (data.as_object_mut(), own) {
        data.extend(own);
    }
    json!({
        "specversion": "1.0", "id": id, "type": data["event_type"], "source": "tasks", "topic": "task-events", "pubsubname": "pubsub",
        "datacontenttype": "application/json", "data": data,
    })
}

/// What a deleted task's event says beside the base.
async fn deleted(person: &Person) -> Result<Value> {
    let task = person.list("?limit=1").await?.items.into_iter().next().context("a task")?;
    Ok(json!({ "task_id": task.id, "task_snapshot": task }))
}

/// The same event at both replicas at once, ten times each, as when a broker hands it to several.
async fn at_the_same_time(suite: &Suite, person: &Person) -> Result<()> {
    let event = event(person, deleted(person).await?);
    let replicas: Vec<_> = suite.stack().instances().iter().filter(|instance| instance.app == "audit").collect();
    ensure!(replicas.len() == 2, "two replicas");
    let deliveries = (0..AGAIN).map(|number| {
        let replica = replicas[number % 2];
        let url = format!("http://127.0.0.1:{}/events/task-events", replica.app_port);
        suite.client().post(url).header("dapr-api-token", &replica.app_api_token).json(&event).send()
    });
    for answer in try_join_all(deliveries).await? {
        let answer: Value = answer.error_for_status()?.json().await?;
        ensure!(answer["status"] == "SUCCESS", "{answer}");
    }
    one_row(suite, &event["id"]).await?;
    becomes(suite, "audit", "events_duplicate_total", &[("topic", "task-events")], AGAIN - 1).await
}

async fn one_row(suite: &Suite, id: &Value) -> Result<()> {
    let id: Uuid = serde_json::from_value(id.clone())?;
    let rows = Database::of(suite).await?.count("select count(*) from audit.audit_logs where event_id = $1", &[&id]).await?;
    ensure!(rows == 1, "{rows} rows of one event");
    Ok(())
}

/// An event that was recorded comes again and again through the broker, which gives it to whichever replica it likes.
async fn once_more(suite: &Suite, task: Uuid) -> Result<()> {
    let sql = "select payload from tasks.outbox_events where aggregate_id = $1 and event_type = 'task.created'";
    let data = Database::of(suite).await?.json(sql, &[&task]).await?;
    let event = json!({
        "specversion": "1.0", "id": data["event_id"], "type": "task.created", "source": "tasks",
        "datacontenttype": "application/json", "data": data,
    });
    for _ in 0..AGAIN {
        publish(suite, "task-events", &event).await?;
    }
    becomes(suite, "audit", "events_duplicate_total", &[("topic", "task-events")], 2 * AGAIN - 1).await?;
    one_row(suite, &event["id"]).await
}

/// One event that cannot be read at all, and one that can but says nothing that is known: each is given up once, and counted as what it is.
async fn given_up(suite: &Suite, person: &Person) -> Result<()> {
    let unreadable = event(person, json!({ "schema_version": "9.0" }));
    let meaningless = event(person, json!({ "event_type": "task.created", "task_id": 7 }));
    for event in [&unreadable, &meaningless] {
        publish(suite, "task-events", event).await?;
    }
    for reason in ["undecodable", "permanent"] {
        becomes(suite, "audit", "dlq_messages_total", &[("topic", "task-events"), ("reason", reason)], 1).await?;
    }
    becomes(suite, "audit", "event_processing_failures_total", &[("topic", "task-events"), ("reason", "failed")], 1).await?;
    eventually("both letters are kept", SOON, async || {
        let letters =
            Database::of(suite).await?.count("select count(*) from audit.dead_letters where state = 'open'", &[]).await?;
        Ok((letters == 2).then_some(()))
    })
    .await
}

/// Publishes an event as its source does.
pub(super) async fn publish(suite: &Suite, topic: &str, event: &Value) -> Result<()> {
    let sidecar = suite.stack().instance(event["source"].as_str().context("a source")?, 0)?;
    let url = format!("http://127.0.0.1:{}/v1.0/publish/pubsub/{topic}", sidecar.dapr_http_port);
    let request = suite.client().post(url).header("dapr-api-token", &sidecar.dapr_api_token);
    request.header("content-type", "application/cloudevents+json").body(event.to_string()).send().await?.error_for_status()?;
    Ok(())
}
