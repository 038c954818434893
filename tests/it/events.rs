//! What is said on the topics: CloudEvents whose data are what the schemas say, with the answer of that moment in them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::topic;
use http::Method;
use serde_json::{Value, json};
use tests::schemas::trace_of;
use tests::socket::Socket;
use tests::{Person, Suite, broker, eventually, schemas, story_of};
use uuid::Uuid;

use crate::reminders::{SOON, TOLD, now, shows, to_tell_at};

/// The topics that stories fill.
const TOPICS: [&str; 4] = [topic::TASK_EVENTS, topic::REMINDERS, topic::TASK_UPDATES, topic::USER_EVENTS];

/// One change of a task: under which correlation id and in which trace it was asked for, what it is called on `task-events` and on
/// `task-updates`, and the task as the API showed it then; of a deleted one, before.
struct Step {
    correlation_id: String,
    trace_id: String,
    event_type: &'static str,
    change: &'static str,
    changed: &'static [&'static str],
    before: Value,
    task: Value,
}

/// How a change is asked for.
type Asked<'a> = (Method, &'a str, Value);
/// What is said of it: the event's type, the change, and which fields are named as changed.
type Said = (&'static str, &'static str, &'static [&'static str]);

/// Asks for a change, and remembers what was answered.
async fn step(person: &Person, (method, path, body): Asked<'_>, said: Said, before: &Value) -> Result<Step> {
    let (event_type, change, changed) = said;
    let (correlation_id, trace_id) = (format!("{change}-{}", Uuid::new_v4()), Uuid::new_v4().simple().to_string());
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let headers = [("x-correlation-id", correlation_id.as_str()), ("traceparent", traceparent.as_str())];
    let answer = person.send(method, path, &headers, Some(body.to_string().into_bytes())).await?;
    ensure!(answer.status.is_success(), "{change}: {} {}", answer.status, answer.body);
    let task = if change == "deleted" { before.clone() } else { answer.json() };
    Ok(Step { correlation_id, trace_id, event_type, change, changed, before: before.clone(), task })
}

/// The life of a task with every field.
async fn life(person: &Person, due_at: DateTime<Utc>) -> Result<Vec<Step>> {
    let (post, patch) = (Method::POST, Method::PATCH);
    let whole = json!({
        "title": "Submit <b>report</b> Ω", "description": "With figures", "status": "in_progress", "priority": "low",
        "due_at": due_at, "reminder_offset_minutes": 60, "tag_names": ["work", "Ärger"],
        "recurrence_pattern": { "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO", "FR"], "end_type": "after_occurrences", "end_after_occurrences": 5 },
    });
    let made = step(person, (post.clone(), "/tasks", whole), ("task.created", "created", &[]), &Value::Null).await?;
    let path = format!("/tasks/{}", made.task["id"].as_str().context("id")?);
    // Redis keeps no order: had its completion been heard of first, no reminder would be set any more.
    let id = made.task["id"].as_str().context("id")?.parse()?;
    shows(person, id, SOON, &[(60, "scheduled")]).await?;
    let (complete, restore) = (format!("{path}/complete"), format!("{path}/restore"));
    let mut steps = vec![made];
    let asked: [(Asked<'_>, Said); 5] = [
        (
            // Its series stops, so that nothing follows its completion but what is asked for here.
            (
                patch.clone(),
                &path,
                json!({ "title": "Report", "priority": "high", "description": "Without figures", "recurrence_pattern": null }),
            ),
            ("task.updated", "updated", &["description", "priority", "recurrence_ended", "recurrence_pattern", "title"]),
        ),
        ((post.clone(), &complete, json!({})), ("task.completed", "completed", &[])),
        ((patch, &path, json!({ "status": "todo" })), ("task.updated", "updated", &["completed_at", "status"])),
        ((Method::DELETE, &path, json!({})), ("task.deleted", "deleted", &[])),
        ((post, &restore, json!({})), ("task.updated", "updated", &[])),
    ];
    for (request, said) in asked {
        let before = steps.last().map(|step| step.task.clone()).unwrap_or_default();
        steps.push(step(person, request, said, &before).await?);
        let read = person.get(&path).await?;
        let gone = said.1 == "deleted";
        ensure!(
            if gone { read.status == 404 } else { Some(read.json()) == steps.last().map(|step| step.task.clone()) },
            "{said:?}"
        );
    }
    Ok(steps)
}

/// What is on a topic of this person, by event: a relay may have said one thing twice, but then it is the same.
async fn said(suite: &Suite, person: &Person, topic: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for stood in broker::messages(suite, topic).await? {
        let message = &stood.message;
        if message["data"]["metadata"]["user_id"] == json!(person.user_id) {
            found.insert(message["id"].as_str().context("id")?.to_owned(), message.clone());
        }
    }
    Ok(found)
}

/// The one event of a topic under a correlation id.
fn under<'a>(messages: &'a BTreeMap<String, Value>, step: &Step) -> Result<&'a Value> {
    let mut found =
        messages.values().filter(|message| message["data"]["metadata"]["correlation_id"] == json!(step.correlation_id));
    let first = found.next().with_context(|| format!("nothing tells of {}", step.correlation_id))?;
    ensure!(found.next().is_none(), "{} is told twice", step.correlation_id);
    ensure!(trace_of(&first["traceparent"]) == step.trace_id, "another trace than {}: {first}", step.trace_id);
    Ok(&first["data"])
}

#[tokio::test]
async fn flow_what_is_on_the_topics_is_as_their_schemas_say_and_shows_the_answer_of_that_moment() -> Result<()> {
    let person = Person::signed_up(Suite::shared().await?).await?;
    story_of(person, async |suite, person| {
        let mut socket = Socket::open(&person).await?;
        let steps = life(&person, now() + TimeDelta::days(1)).await?;
        let told = person.create_task(&to_tell_at(now() + TimeDelta::seconds(1), "Call Ada")).await?;
        shows(&person, told.id, TOLD, &[(1, "delivered")]).await?;
        let wanted: BTreeSet<&str> =
            ["reminder.scheduled", "reminder.due", "reminder.cancelled", "reminder.delivered"].into_iter().collect();
        let topics = eventually("all of it is on the broker", SOON, async || {
            let mut topics = BTreeMap::new();
            for topic in TOPICS {
                topics.insert(topic, said(&suite, &person, topic).await?);
            }
            let types = topics[topic::REMINDERS].values().filter_map(|message| message["type"].as_str()).collect::<BTreeSet<_>>();
            let counts = TOPICS.map(|topic| topics[topic].len());
            let whole = counts[0] == steps.len() + 1 && types == wanted && counts[2] == steps.len() + 2 && counts[3] == 1;
            ensure!(whole, "{counts:?}, {types:?}");
            Ok(Some(topics))
        })
        .await?;
        for (topic, messages) in &topics {
            for message in messages.values() {
                schemas::is_whole(topic, message)?;
            }
        }
        for step in &steps {
            of_task(under(&topics[topic::TASK_EVENTS], step)?, step).with_context(|| step.correlation_id.clone())?;
            of_page(under(&topics[topic::TASK_UPDATES], step)?, step).with_context(|| step.correlation_id.clone())?;
        }
        of_reminders(topics[topic::REMINDERS].values(), &steps[0])?;

        // What the page is shown is what the event says, and nothing else.
        socket.next(SOON, |frame| frame["change"] == "notification").await?;
        for message in topics[topic::TASK_UPDATES].values() {
            let event = &message["data"];
            let shown = socket.frames.iter().find(|frame| frame["event_id"] == event["event_id"]).context("no page shows it")?;
            for field in ["change", "task_id", "version", "task", "notification", "occurred_at"] {
                ensure!(shown[field] == event[field], "{field}: {shown}\n{event}");
            }
            ensure!(trace_of(&shown["traceparent"]) == trace_of(&message["traceparent"]), "{shown}\n{message}");
        }
        Ok(())
    })
    .await
}

fn of_task(event: &Value, step: &Step) -> Result<()> {
    ensure!(event["event_type"] == step.event_type && event["task_id"] == step.task["id"], "{event}");
    ensure!(event["task_snapshot"] == step.task, "shown {}\nanswered {}", event["task_snapshot"], step.task);
    ensure!(event["metadata"]["key"] == step.task["id"], "{event}");
    // A deletion is a version of its own, and shows the one before.
    let version = step.task["version"].as_i64().map(|version| version + i64::from(step.change == "deleted"));
    ensure!(event["metadata"]["sequence"].as_i64() == version, "{event}");
    match step.event_type {
        "task.updated" => {
            let mut changed: Vec<String> = serde_json::from_value(event["changed_fields"].clone())?;
            changed.sort_unstable();
            ensure!(changed == step.changed, "{event}");
            let previous: serde_json::Map<_, _> =
                step.changed.iter().map(|name| ((*name).to_owned(), step.before[*name].clone())).collect();
            ensure!(event["previous"] == Value::Object(previous), "{event}");
        }
        "task.completed" => ensure!(event["completed_at"] == step.task["completed_at"], "{event}"),
        _ => {}
    }
    Ok(())
}

fn of_page(event: &Value, step: &Step) -> Result<()> {
    let task = if step.change == "deleted" { &Value::Null } else { &step.task };
    ensure!(event["change"] == step.change && event["task_id"] == step.task["id"] && event["task"] == *task, "{event}");
    ensure!(event["version"] == event["metadata"]["sequence"], "{event}");
    Ok(())
}

/// What is said of reminders says when, and is caused by what was asked for.
fn of_reminders<'a>(messages: impl Iterator<Item = &'a Value>, made: &Step) -> Result<()> {
    let mut caused = false;
    for event in messages.map(|message| &message["data"]) {
        ensure!(event["metadata"]["key"] == event["reminder_id"], "{event}");
        let time = |field: &str| event[field].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        if let (Some(remind_at), Some(due_at), Some(minutes)) =
            (time("remind_at"), time("due_at"), event["offset_minutes"].as_i64())
        {
            ensure!(remind_at == due_at - TimeDelta::minutes(minutes), "{event}");
        }
        let scheduled = event["event_type"] == "reminder.scheduled" && event["task_id"] == made.task["id"];
        if scheduled && event["metadata"]["correlation_id"] == json!(made.correlation_id) {
            ensure!(event["metadata"]["causation_id"].is_string() && event["due_at"] == made.task["due_at"], "{event}");
            ensure!(trace_of(&event["metadata"]["traceparent"]) == made.trace_id, "{event}");
            caused = true;
        }
    }
    ensure!(caused, "the reminder was set by what made the task");
    Ok(())
}

#[tokio::test]
async fn contract_the_broker_has_the_topics_of_the_contract_and_no_other() -> Result<()> {
    let suite = Suite::shared().await?;
    let known: BTreeSet<String> =
        topic::ALL.iter().flat_map(|topic| [(*topic).to_owned(), topic::dead_letters_of(topic)]).collect();
    let found = broker::topics(&suite).await?;
    let strange: Vec<_> = found.difference(&known).collect();
    ensure!(strange.is_empty(), "nobody knows of {strange:?}");
    for topic in TOPICS {
        // Nobody keeps the dead letters of what is worthless a few seconds later.
        let kept = topic::component(topic) == topic::FANOUT || found.contains(&topic::dead_letters_of(topic));
        ensure!(found.contains(topic) && kept, "{topic} is missing: {found:?}");
    }
    Ok(())
}
