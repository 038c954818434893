//! A request failed, and all that is known of it is the id that its answer showed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::zipkin::Trace;
use tests::{Suite, eventually, story};

use crate::workspace::root;

/// Spans and lines are written in the background.
const SOON: Duration = Duration::from_secs(60);
/// What the database says when it is asked for the task of this story.
const CAUSE: &str = "the ink is dry";

/// Every line of every app of this run that has this id.
fn lines_with(suite: &Suite, id: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(suite.stack().run_dir().join("logs"))? {
        let path = entry?.path();
        // Those of the run before are kept in a folder beside them.
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            let lines = text.lines().filter(|line| line.contains(id));
            found.extend(lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()));
        }
    }
    Ok(found)
}

/// Seen red: no `correlation_id` among the tags of a request's span. Takes two seconds.
#[tokio::test]
async fn flow_the_id_of_a_failed_request_leads_to_its_lines_its_cause_and_its_trace() -> Result<()> {
    story(async |suite, person| {
        let database = Database::of(&suite).await?;
        let name = format!("dry_{}", person.tenant_id.simple());
        let refuse = format!(
            "create function tasks.{name}() returns trigger language plpgsql as $$ begin raise exception '{CAUSE}'; end $$;
             create trigger {name} before insert on tasks.tasks for each row
             when (new.user_id = '{}') execute function tasks.{name}();",
            person.user_id
        );
        database.client().batch_execute(&refuse).await?;
        let answer = person.post("/tasks", &json!({ "title": "not to be" })).await;
        database.client().batch_execute(&format!("drop trigger {name} on tasks.tasks; drop function tasks.{name}();")).await?;
        let answer = answer?;
        let id = answer.header("x-correlation-id").to_owned();
        ensure!(answer.is(500)?.json()["correlation_id"] == id.as_str() && id.len() >= 32, "{answer:?}");
        ensure!(!answer.body.contains(CAUSE), "the answer tells the cause: {}", answer.body);

        // Its lines: in each app that had to do with it, and one says why.
        let line = eventually("its lines are there", SOON, async || {
            let lines = lines_with(&suite, &id)?;
            let of = |app: &str| lines.iter().find(|line| line["service"] == app && line["message"] == "request").cloned();
            let (gateway, tasks) = (of("gateway").context("no line of the gateway")?, of("tasks").context("no line of tasks")?);
            ensure!(gateway["status"] == 500 && tasks["status"] == 500 && tasks["level"] == "ERROR", "{gateway}\n{tasks}");
            ensure!(tasks["cause"].as_str().is_some_and(|cause| cause.contains(CAUSE)), "{tasks}");
            ensure!(lines.iter().all(|line| line["correlation_id"] == id.as_str()), "{lines:?}");
            ensure!(gateway["trace_id"] == tasks["trace_id"], "{gateway}\n{tasks}");
            Ok(Some(tasks))
        })
        .await?;
        as_the_collector_reads_it(&line)?;

        // Its trace: the one that the lines name is the one that Zipkin finds by the id alone.
        let trace_id = line["trace_id"].as_str().context("a trace")?;
        eventually("its trace is found", SOON, async || {
            let zipkin = suite.stack().zipkin_url().context("Zipkin is on")?;
            let query = [("annotationQuery", format!("correlation_id={id}")), ("limit", "10".to_owned())];
            let found: Value = suite.client().get(format!("{zipkin}/api/v2/traces")).query(&query).send().await?.json().await?;
            let traces: BTreeSet<&str> =
                found.as_array().into_iter().flatten().filter_map(|trace| trace[0]["traceId"].as_str()).collect();
            ensure!(traces == BTreeSet::from([trace_id]), "{traces:?} are found, the lines say {trace_id}");
            let trace = Trace::read(&suite, trace_id).await?;
            for (app, span) in [("gateway", "post /tasks"), ("tasks", "post /tasks"), ("tasks", "sql tasks.create")] {
                let span = trace.find(app, span).with_context(|| format!("no {app} {span} in\n{}", trace.outline()))?;
                ensure!(span.tags.contains_key("error"), "{span:?} is no failure");
            }
            let statement = trace.find("tasks", "sql tasks.create").context("the statement")?;
            ensure!(statement.tags["error"].contains(CAUSE), "{statement:?}");
            Ok(Some(()))
        })
        .await
    })
    .await
}

/// What the collector of a cluster takes from a line is there to be taken: monitoring/loki/collector.alloy names the fields.
fn as_the_collector_reads_it(line: &Value) -> Result<()> {
    let text = std::fs::read_to_string(root()?.join("monitoring/loki/collector.alloy"))?;
    let (_, rest) = text.split_once("expressions = {").context("the fields that are read")?;
    let (fields, _) = rest.split_once('}').context("their end")?;
    let fields: Vec<&str> = fields.split(',').filter_map(|field| Some(field.split_once('=')?.0.trim())).collect();
    ensure!(fields.contains(&"correlation_id") && fields.contains(&"trace_id"), "{fields:?}");
    for field in fields {
        // A sidecar's lines call it otherwise.
        ensure!(line[field].is_string(), "no line has {field}: {line}");
    }
    Ok(())
}
