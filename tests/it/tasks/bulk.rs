//! One action on many tasks: each becomes what it would have become alone, all in one statement, and every id hears what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::{Priority, Status, Task};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Answer, Person, eventually, story};
use uuid::Uuid;

/// An instance comes in some seconds, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

async fn bulk(person: &Person, ids: &[Uuid], action: Value) -> Result<Value> {
    Ok(person.post("/tasks/bulk", &json!({ "ids": ids, "action": action })).await?.is(200)?.json()["results"].clone())
}

/// What became of each, in the order of the answer.
fn outcomes(results: &Value) -> Vec<&str> {
    results.as_array().into_iter().flatten().filter_map(|each| each["outcome"].as_str()).collect()
}

async fn made(person: &Person, count: usize, body: impl Fn(usize) -> Value) -> Result<Vec<Task>> {
    let bodies: Vec<Value> = (0..count).map(body).collect();
    stream::iter(bodies.iter().map(|body| person.create_task(body))).buffered(8).try_collect().await
}

/// Everything that was said of a task, in order, without what two tasks never share.
async fn said(database: &Database, id: Uuid) -> Result<Value> {
    let sql = "select coalesce(jsonb_agg(jsonb_build_object('topic', topic, 'type', event_type, 'version', aggregate_version, 'payload',
                 payload - '{event_id,occurred_at,metadata,task_id,completed_at}'::text[]) order by seq), '[]')
               from tasks.outbox_events where aggregate_id = $1";
    let mut said = database.json(sql, &[&id]).await?;
    forget(&mut said);
    Ok(said)
}

/// Takes out ids and times, wherever they are; that they are there stays.
fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["id", "series_id", "created_at", "updated_at", "completed_at", "version"] {
                if let Some(field) = fields.get_mut(name).filter(|field| field.is_string()) {
                    *field = json!("some");
                }
            }
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

#[tokio::test]
async fn flow_what_is_done_to_many_is_said_as_if_each_were_changed_alone() -> Result<()> {
    story(async |suite, person| {
        let body = |_| {
            json!({
                "title": "Report", "description": "d", "tag_names": ["work"], "due_at": "2031-03-28T08:00:00Z", "reminder_offset_minutes": 5,
            })
        };
        let tasks = made(&person, 4, body).await?;
        let (alone, many) = (tasks[0].id, [tasks[1].id, tasks[2].id, tasks[3].id]);
        let (path, database) = (format!("/tasks/{alone}"), Database::of(&suite).await?);
        let (complete, restore) = (format!("{path}/complete"), format!("{path}/restore"));
        let patch = Method::PATCH;
        for (method, path, body, action) in [
            (&patch, &path, json!({ "priority": "high" }), json!({ "priority": "high" })),
            (&patch, &path, json!({ "tag_names": ["work", "Home"] }), json!({ "add_tags": ["Home", "WORK"] })),
            (&patch, &path, json!({ "tag_names": ["home"] }), json!({ "remove_tags": ["Work", "other"] })),
            (&patch, &path, json!({ "due_at": "2031-03-29T09:30:00Z" }), json!({ "shift": { "days": 1, "minutes": 90 } })),
            (&patch, &path, json!({ "due_at": "2031-05-01T00:00:00Z" }), json!({ "due_at": "2031-05-01T02:00:00+02:00" })),
            (&Method::POST, &complete, json!({}), json!({ "complete": true })),
            (&patch, &path, json!({ "status": "todo" }), json!({ "reopen": true })),
            (&Method::DELETE, &path, json!({}), json!({ "delete": true })),
            (&Method::POST, &restore, json!({}), json!({ "restore": true })),
            (&patch, &path, json!({ "due_at": null }), json!({ "due_at": null })),
        ] {
            let answer = person.send(method.clone(), path, &[], Some(body.to_string().into_bytes())).await?;
            ensure!(answer.status.is_success(), "{method} {body}: {}", answer.body);
            let results = bulk(&person, &many, action.clone()).await?;
            ensure!(outcomes(&results) == ["changed"; 3], "{action}: {results}");
            let expected = said(&database, alone).await?;
            for id in many {
                let said = said(&database, id).await?;
                ensure!(said == expected, "{action}: said {said:#}\nalone {expected:#}");
            }
            let again = bulk(&person, &many, action.clone()).await?;
            let moves = action.get("shift").is_some();
            let expected = if action.get("delete").is_some() { "not_found" } else { "unchanged" };
            ensure!(moves || outcomes(&again) == [expected; 3], "{action} again: {again}");
            if moves {
                bulk(&person, &many, json!({ "shift": { "days": -1, "minutes": -90 } })).await?;
                for due_at in ["2031-03-30T11:00:00Z", "2031-03-29T09:30:00Z"] {
                    person.patch(path, &json!({ "due_at": due_at })).await?.is(200)?;
                }
            }
        }
        let shown = async |id: Uuid| {
            let mut task = person.get(&format!("/tasks/{id}")).await?.is(200)?.json();
            forget(&mut task);
            Ok::<_, anyhow::Error>(task)
        };
        let expected = shown(alone).await?;
        for id in many {
            ensure!(shown(id).await? == expected, "{} is not {expected}", shown(id).await?);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_hundred_tasks_change_in_one_statement_and_every_id_hears_what_became_of_it() -> Result<()> {
    story(async |suite, person| {
        let tasks = made(&person, 97, |number| json!({ "title": format!("Task {number}"), "priority": "low" })).await?;
        let other = person.suite.person()?;
        let foreign = other.create_task(&json!({ "title": "theirs" })).await?;
        let urgent = person.create_task(&json!({ "title": "urgent", "priority": "high" })).await?;
        let mut ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        ids.extend([urgent.id, foreign.id, Uuid::now_v7()]);
        let results = bulk(&person, &ids, json!({ "priority": "high" })).await?;
        let expected: Vec<&str> = [vec!["changed"; 97], vec!["unchanged", "not_found", "not_found"]].concat();
        ensure!(outcomes(&results) == expected, "{results}");
        let said: Vec<&Value> = results.as_array().into_iter().flatten().map(|each| &each["id"]).collect();
        ensure!(said.iter().zip(&ids).all(|(said, id)| **said == json!(id)), "in the order of the request");
        ensure!(results[0]["version"] == 2 && results[97]["version"] == 1 && results[98]["version"].is_null(), "{results}");
        ensure!(other.get(&format!("/tasks/{}", foreign.id)).await?.expect::<Task>(200)? == foreign, "another's stays as it is");
        let all = person.list("?priority=high&limit=100").await?;
        ensure!(all.total == 98 && all.items.iter().all(|task| task.priority == Priority::High), "{}", all.total);

        let database = Database::of(&suite).await?;
        let transactions = "select count(distinct changed_in) from tasks.tasks where user_id = $1 and version = 2";
        ensure!(database.count(transactions, &[&person.user_id]).await? == 1, "one statement");
        let events =
            "select count(*) from tasks.outbox_events e join tasks.tasks t on t.id = e.aggregate_id and e.aggregate_version = 2
                      where t.user_id = $1";
        ensure!(
            database.count(events, &[&person.user_id]).await? == 2 * 97,
            "two events for each that changed, none for the others"
        );

        // One that is named twice counts once; one that a rule stands against is left out, and the rest goes on.
        let full: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let full = person.create_task(&json!({ "title": "full", "tag_names": full })).await?;
        let results = bulk(&person, &[full.id, urgent.id, urgent.id], json!({ "add_tags": ["one more"] })).await?;
        ensure!(outcomes(&results) == ["refused", "changed"], "{results}");
        ensure!(results[0]["errors"][0]["field"] == "tag_names", "{results}");
        other.suite.settled(&[other.tenant_id]).await
    })
    .await
}

#[tokio::test]
async fn contract_a_repeated_key_changes_many_tasks_once() -> Result<()> {
    story(async |_, person| {
        let tasks = made(&person, 5, |_| json!({ "title": "a", "due_at": "2031-01-01T00:00:00Z" })).await?;
        let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        let key = Uuid::new_v4().to_string();
        let send = async |days: i64| -> Result<Answer> {
            let body = json!({ "ids": ids, "action": { "shift": { "days": days } } }).to_string().into_bytes();
            person.send(Method::POST, "/tasks/bulk", &[("Idempotency-Key", &key)], Some(body)).await
        };
        let answers = try_join_all([send(1), send(1), send(1), send(1)]).await?;
        let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count();
        for answer in &answers {
            ensure!(answer.is(200)?.json() == answers[0].json(), "{} {}", answer.body, answers[0].body);
        }
        ensure!(replayed == 3, "{replayed} are repeats");
        send(2).await?.is(422)?;
        let page = person.list("").await?;
        let moved = |task: &Task| task.version == 2 && task.due_at.is_some_and(|due| due.to_rfc3339().starts_with("2031-01-02"));
        ensure!(page.items.iter().all(moved), "{page:?}");
        // The answer of a request that changes nothing is kept too.
        let key = [("Idempotency-Key", "nothing")];
        let nothing = json!({ "ids": [Uuid::now_v7()], "action": { "complete": true } }).to_string().into_bytes();
        person.send(Method::POST, "/tasks/bulk", &key, Some(nothing.clone())).await?.is(200)?;
        let again = person.send(Method::POST, "/tasks/bulk", &key, Some(nothing)).await?;
        ensure!(again.header("idempotent-replayed") == "true", "{again:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_many_tasks_that_are_changed_by_many_at_once_lose_nothing() -> Result<()> {
    story(async |suite, person| {
        let tasks = made(&person, 20, |_| json!({ "title": "a", "due_at": "2031-01-01T00:00:00Z" })).await?;
        let mut ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        let mut moved = 0;
        for round in 0..6 {
            ids.rotate_left(7);
            let backwards: Vec<Uuid> = ids.iter().rev().copied().collect();
            let there = json!({ "ids": ids, "action": { "shift": { "days": 1 } } });
            let back = json!({ "ids": backwards, "action": { "shift": { "days": 1 } } });
            let (path, title) = (format!("/tasks/{}", ids[round]), json!({ "title": format!("b {round}") }));
            let (a, b, c) =
                tokio::join!(person.post("/tasks/bulk", &there), person.post("/tasks/bulk", &back), person.patch(&path, &title));
            c?.is(200)?;
            for answer in [a?, b?] {
                // Whoever lost three times in a row is told so, and nothing of theirs is done.
                ensure!(matches!(answer.status.as_u16(), 200 | 503), "{} {}", answer.status, answer.body);
                ensure!(answer.status != 200 || outcomes(&answer.json()["results"]) == ["changed"; 20], "{}", answer.body);
                moved += i64::from(answer.status == 200);
            }
        }
        let due = (chrono::DateTime::parse_from_rfc3339("2031-01-01T00:00:00Z")? + chrono::TimeDelta::days(moved)).to_utc();
        let page = person.list("").await?;
        ensure!(moved >= 6 && page.items.iter().all(|task| task.due_at == Some(due)), "moved {moved} times: {page:?}");
        let database = Database::of(&suite).await?;
        for task in &page.items {
            let versions = "select count(*) from tasks.outbox_events where aggregate_id = $1 and topic = 'task-events'";
            ensure!(database.count(versions, &[&task.id]).await? == task.version, "an event a version: {task:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_recurring_tasks_that_are_completed_together_each_come_again() -> Result<()> {
    story(async |suite, person| {
        if !suite.runs("recurrence") {
            return Ok(());
        }
        let daily = |number| {
            json!({
                "title": format!("Standup {number}"), "due_at": "2031-03-03T09:00:00Z", "recurrence_pattern": { "pattern_type": "daily" },
            })
        };
        let tasks = made(&person, 6, daily).await?;
        let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        let results = bulk(&person, &ids, json!({ "complete": true })).await?;
        ensure!(outcomes(&results) == ["changed"; 6], "{results}");
        let series: BTreeSet<Option<Uuid>> = tasks.iter().map(|task| task.series_id).collect();
        let open = eventually("each comes again", PATIENCE, async || {
            let open = person.list("?status=todo").await?.items;
            Ok((open.len() == 6).then_some(open))
        })
        .await?;
        ensure!(open.iter().map(|task| task.series_id).collect::<BTreeSet<_>>() == series, "{open:?}");
        // Both instances of each series at once: their pattern is one.
        let both: Vec<Uuid> = ids.iter().copied().chain(open.iter().map(|task| task.id)).collect();
        let results = bulk(&person, &both, json!({ "shift": { "days": 2 } })).await?;
        ensure!(outcomes(&results) == ["changed"; 12], "{results}");
        let all: BTreeMap<Uuid, Task> = person.list("").await?.items.into_iter().map(|task| (task.id, task)).collect();
        let first = all.get(&ids[0]).context("the first")?;
        ensure!(first.status == Status::Completed && first.due_at == "2031-03-05T09:00:00Z".parse().ok(), "{first:?}");
        Ok(())
    })
    .await
}
