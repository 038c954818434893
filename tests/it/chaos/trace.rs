//! One trace also when the first delivery fails, when the consumer is away, and when a dead letter is replayed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use contracts::token::SCOPE_USER;
use http::Method;
use serde_json::{Value, json};
use tests::database::Database;
use tests::zipkin::{Span, Trace};
use tests::{Person, Suite, eventually};
use uuid::Uuid;

use super::{SOON, alone, options};

/// What an event waits at most: for its next delivery, or for a consumer whose sidecar has to join its group again.
const DELIVERED: Duration = Duration::from_secs(45);
/// What hides audit's table from its handler, and what gives it back.
const HIDE: &str = "alter table audit.audit_logs rename to audit_logs_hidden";
const SHOW: &str = "alter table audit.audit_logs_hidden rename to audit_logs";

/// A create whose trace the test chose.
struct Created {
    task: Task,
    trace_id: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_a_trace_survives_failed_deliveries_an_outage_and_a_replay() -> Result<()> {
    let mut options = options("trace", &["identity", "tasks", "audit", "gateway"])?;
    options.zipkin = true;
    alone(options, async |suite| {
        let person = suite.person()?;
        let database = Database::of(suite).await?;
        // Audit reads for the first time, so that the failures below are what they seem.
        let first = create(&person).await?;
        recorded(&database, &first, 1).await?;

        a_first_delivery_that_fails(suite, &person, &database).await?;
        a_consumer_that_is_away(suite, &person, &database).await?;
        a_dead_letter_that_is_replayed(suite, &person, &database).await
    })
    .await
}

async fn a_first_delivery_that_fails(suite: &Suite, person: &Person, database: &Database) -> Result<()> {
    database.client().batch_execute(HIDE).await?;
    let created = create(person).await?;
    let failed = eventually("the first delivery fails", DELIVERED, async || failures(suite).await).await;
    // Before the third: the next come 2 s apart.
    database.client().batch_execute(SHOW).await?;
    failed?;
    recorded(database, &created, 1).await?;
    eventually("the trace holds the failure and the success", SOON, async || {
        let trace = Trace::read(suite, &created.trace_id).await?;
        let (failed, done) = deliveries(&trace)?;
        ensure!((1..3).contains(&failed) && done == 1, "{failed} failed and {done} done in\n{}", trace.outline());
        Ok(Some(()))
    })
    .await
}

async fn a_consumer_that_is_away(suite: &Suite, person: &Person, database: &Database) -> Result<()> {
    suite.stack().stop("audit").await?;
    let created = create(person).await?;
    let published = "select count(*) from tasks.outbox_events where aggregate_id = $1 and published_at is not null";
    let left = async || Ok((database.count(published, &[&created.task.id]).await? == 2).then_some(()));
    eventually("the event has left", SOON, left).await?;
    suite.stack().start_part("audit").await?;
    recorded(database, &created, 1).await?;
    eventually("the trace holds the late delivery", SOON, async || {
        let trace = Trace::read(suite, &created.trace_id).await?;
        let (failed, done) = deliveries(&trace)?;
        ensure!(failed == 0 && done == 1, "{failed} failed and {done} done in\n{}", trace.outline());
        Ok(Some(()))
    })
    .await
}

async fn a_dead_letter_that_is_replayed(suite: &Suite, person: &Person, database: &Database) -> Result<()> {
    let operator = person.with_token(|claims| claims.scope = format!("{SCOPE_USER} ops"))?;
    database.client().batch_execute(HIDE).await?;
    let created = create(person).await?;
    let letter = eventually("the dead letter is listed", DELIVERED, async || {
        let page = operator.get("/v1/admin/dlq?state=open&topic=task-events&app=audit").await?.is(200)?.json();
        Ok(page["items"].as_array().and_then(|letters| letters.first().cloned()))
    })
    .await;
    database.client().batch_execute(SHOW).await?;
    let letter = letter?;
    ensure!(letter["attempts"] == 3 && letter["event_type"] == "task.created", "{letter}");
    ensure!(letter["reason"].as_str().is_some_and(|reason| reason.contains("audit_logs")), "the reason says why: {letter}");
    recorded(database, &created, 0).await?;

    person.post(&format!("/v1/admin/dlq/{}/replay", id(&letter)), &json!({})).await?.is(403)?;
    let replay = async || -> Result<Value> {
        Ok(operator.post(&format!("/v1/admin/dlq/{}/replay", id(&letter)), &json!({})).await?.is(202)?.json())
    };
    let first = replay().await?;
    ensure!(first["state"] == "replayed", "{first}");
    recorded(database, &created, 1).await?;
    let spans = async || -> Result<Trace> {
        let trace = Trace::read(suite, &created.trace_id).await?;
        let (failed, done) = deliveries(&trace)?;
        ensure!(failed == 3 && done == 1, "{failed} failed and {done} done in\n{}", trace.outline());
        Ok(trace)
    };
    eventually("the trace holds the replay", SOON, async || spans().await.map(Some)).await?;

    let second = replay().await?;
    ensure!(second == first, "again: {second}, first: {first}");
    recorded(database, &created, 1).await?;
    let settled = database.count("select count(*) from audit.audit_logs where entity_type = 'dead_letter'", &[]).await?;
    ensure!(settled == 1, "{settled} rows tell of the one replay");
    spans().await?;
    Ok(())
}

/// Audit's deliveries of the creation that failed and that did not; each lies below the outbox span of tasks, and that below the request.
fn deliveries(trace: &Trace) -> Result<(usize, usize)> {
    let find = |service: &str, name: &str| -> Result<Span> {
        trace.find(service, name).cloned().with_context(|| format!("no span {service} {name} in\n{}", trace.outline()))
    };
    let (request, outbox) = (find("gateway", "post /tasks")?, find("tasks", "outbox task.created")?);
    ensure!(trace.is_below(&outbox, &request), "the outbox is not below the request in\n{}", trace.outline());
    let is_delivery = |span: &&Span| span.local_endpoint.service_name == "audit" && span.name == "task-events task.created";
    let found: Vec<&Span> = trace.spans.iter().filter(is_delivery).collect();
    for span in &found {
        ensure!(trace.is_below(span, &outbox), "the delivery {} is not below the outbox in\n{}", span.id, trace.outline());
    }
    let failed = found.iter().filter(|span| span.tags.contains_key("error")).count();
    Ok((failed, found.len() - failed))
}

/// How many handlings audit counts as failed; nothing while there are none.
async fn failures(suite: &Suite) -> Result<Option<()>> {
    let port = suite.stack().instance("audit", 0)?.app_port;
    let text = suite.client().get(format!("http://127.0.0.1:{port}/metrics")).send().await?.text().await?;
    let failed = |line: &str| line.starts_with("event_processing_failures_total{") && line.contains("reason=\"failed\"");
    Ok(text.lines().any(failed).then_some(()))
}

/// Waits until the creation has so many audit rows, and fails when it has more.
async fn recorded(database: &Database, created: &Created, rows: i64) -> Result<()> {
    let sql = "select count(*) from audit.audit_logs where entity_id = $1 and action = 'task.created'";
    let arrived = async || {
        let found = database.count(sql, &[&created.task.id]).await?;
        Ok((found >= rows).then_some(found))
    };
    let found = eventually("the audit row is there", DELIVERED, arrived).await?;
    ensure!(found == rows, "{found} audit rows, {rows} expected");
    Ok(())
}

async fn create(person: &Person) -> Result<Created> {
    let trace_id = Uuid::new_v4().simple().to_string();
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let body = json!({ "title": "traced" }).to_string().into_bytes();
    let answer = person.send(Method::POST, "/tasks", &[("traceparent", traceparent.as_str())], Some(body)).await?;
    Ok(Created { task: answer.expect(201)?, trace_id })
}

fn id(letter: &Value) -> &str {
    letter["id"].as_str().unwrap_or_default()
}
