//! Recurring tasks: completed, they come again, once, until their series ends.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::{Status, Task};
use futures::future::try_join_all;
use serde_json::{Value, json};
use stack::Instance;
use tests::database::Database;
use tests::socket::Socket;
use tests::{Person, Suite, eventually, story};
use uuid::Uuid;

/// The next instance is there this soon after its predecessor was completed (TSK-415).
const SOON: Duration = Duration::from_secs(5);
/// What others that share the machine may add to what is not promised.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often an event comes again.
const AGAIN: usize = 20;

/// A daily task with everything that is carried on.
fn standup() -> Value {
    json!({
        "title": "Daily Standup", "description": "Fifteen minutes", "priority": "high", "tag_names": ["team", "Daily"],
        "due_at": "2031-03-03T09:00:00Z", "reminder_offset_minutes": 10,
        "recurrence_pattern": { "pattern_type": "daily" },
    })
}

/// The instances of a task's series, in order.
async fn series(person: &Person, task: &Task) -> Result<Vec<Task>> {
    let mut all = person.list("?limit=100").await?.items;
    all.retain(|other| other.series_id.is_some() && other.series_id == task.series_id);
    all.sort_by_key(|task| task.occurrence);
    Ok(all)
}

/// Completes a task and gives the instance that follows.
async fn follows(person: &Person, task: &Task, patience: Duration) -> Result<Task> {
    person.complete(task.id).await?;
    eventually(&format!("{:?} comes again", task.title), patience, async || {
        Ok(series(person, task).await?.into_iter().find(|other| other.occurrence > task.occurrence))
    })
    .await
}

/// Has recurrence handle the newest completion of a task, and gives how its series looks then.
async fn handled(suite: &Suite, person: &Person, task: &Task) -> Result<Vec<Task>> {
    deliver(suite, suite.stack().instance("recurrence", 0)?, &newest(suite, task.id, "task.completed").await?).await?;
    series(person, task).await
}

/// Hands an event to an instance of recurrence as its sidecar does, under a new id: under its own the wrapper may know it already.
async fn deliver(suite: &Suite, to: &Instance, event: &Value) -> Result<()> {
    let mut event = event.clone();
    event["id"] = json!(Uuid::now_v7());
    let url = format!("http://127.0.0.1:{}/events/task-events", to.app_port);
    let request = suite.client().post(url).header("dapr-api-token", &to.app_api_token).json(&event);
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    ensure!(answer["status"] == "SUCCESS", "{answer}");
    Ok(())
}

/// What recurrence logged of a task that was completed, in the story that its completion began.
async fn logged(suite: &Suite, completed: Uuid) -> Result<Vec<Value>> {
    let event = newest(suite, completed, "task.completed").await?;
    let story = &event["data"]["metadata"]["correlation_id"];
    let mut lines = Vec::new();
    for instance in suite.stack().instances().iter().filter(|instance| instance.app == "recurrence") {
        let log = std::fs::read_to_string(suite.stack().run_dir().join("logs").join(format!("{}.log", instance.part())))?;
        let own = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.extend(own.filter(|line| line["correlation_id"] == *story && line["completed"] == json!(completed)));
    }
    Ok(lines)
}

/// The newest event of a type of a task, as tasks published it.
async fn newest(suite: &Suite, task: Uuid, event_type: &str) -> Result<Value> {
    let sql = "select payload from tasks.outbox_events where aggregate_id = $1 and event_type = $2 order by seq desc limit 1";
    let data =
        Database::of(suite).await?.json(sql, &[&task, &event_type]).await.with_context(|| format!("{event_type} of {task}"))?;
    Ok(json!({
        "specversion": "1.0", "id": data["event_id"], "type": event_type, "source": "tasks", "topic": "task-events",
        "pubsubname": "pubsub", "datacontenttype": "application/json", "data": data,
    }))
}

#[tokio::test]
async fn flow_a_completed_task_comes_again_with_all_its_owner_wrote_and_every_page_shows_it() -> Result<()> {
    story(async |suite, person| {
        let task = person.create_task(&standup()).await?;
        let mut page = Socket::open(&person).await?;
        let next = follows(&person, &task, SOON).await?;
        ensure!((next.status, next.completed_at, next.version) == (Status::Todo, None, 1), "{next:?}");
        ensure!(next.due_at == Some("2031-03-04T09:00:00Z".parse()?), "{next:?}");
        let carried = |task: &Task| {
            let Task {
                title, description, priority, tags, recurrence_pattern, series_id, reminder_offset_minutes, user_id, ..
            } = task.clone();
            (title, description, priority, tags, recurrence_pattern, series_id, reminder_offset_minutes, user_id)
        };
        ensure!(carried(&next) == carried(&task), "{task:?}\nis followed by {next:?}");
        ensure!((task.occurrence, next.occurrence) == (Some(1), Some(2)), "{next:?}");

        let frame = page.next(PATIENCE, |frame| frame["task_id"] == json!(next.id)).await?;
        ensure!(frame["change"] == "created" && frame["task"]["occurrence"] == 2, "{frame}");
        eventually("its own reminder is set", PATIENCE, async || {
            let reminders = person.get(&format!("/tasks/{}/reminders", next.id)).await?.is(200)?.json();
            Ok((reminders[0]["remind_at"] == "2031-03-04T08:50:00Z").then_some(()))
        })
        .await?;

        let database = Database::of(&suite).await?;
        let event = async |of: Uuid, kind: &str| {
            let sql = "select payload from tasks.outbox_events where aggregate_id = $1 and event_type = $2";
            database.json(sql, &[&of, &kind]).await
        };
        let (completed, created, recurred) = (
            event(task.id, "task.completed").await?,
            event(next.id, "task.created").await?,
            event(next.id, "task.recurred").await?,
        );
        for event in [&created, &recurred] {
            let story = |event: &Value| event["metadata"]["correlation_id"].clone();
            ensure!(story(event) == story(&completed), "{event} is not in the story of {completed}");
        }
        ensure!(created["task_snapshot"] == person.get(&format!("/tasks/{}", next.id)).await?.json(), "{created}");
        ensure!(recurred["completed_task_id"] == json!(task.id) && recurred["new_task_id"] == json!(next.id), "{recurred}");
        let told = |line: &Value| {
            line["message"] == "the task comes again"
                && line["new"] == json!(next.id)
                && line["series"] == json!(task.series_id)
                && line["due_at"].as_str().is_some_and(|due_at| due_at.starts_with("2031-03-04"))
        };
        eventually("recurrence has logged it", PATIENCE, async || {
            Ok(logged(&suite, task.id).await?.iter().any(told).then_some(()))
        })
        .await?;
        // History outlives both, also that one followed the other.
        for task in [&task, &next] {
            person.delete(&format!("/tasks/{}", task.id)).await?.is(204)?;
        }
        let wanted = BTreeSet::from(["task.created", "task.completed", "task.recurred", "task.deleted"]);
        eventually("the log has it all", PATIENCE, async || {
            let log = person.get(&format!("/audit-logs?entity_type=task&entity_id={}", task.id)).await?.is(200)?.json();
            let rows = log["items"].as_array().into_iter().flatten();
            Ok((rows.filter_map(|row| row["action"].as_str()).collect::<BTreeSet<_>>() == wanted).then_some(()))
        })
        .await?;
        ensure!(recurred["occurrence"] == 2 && recurred["due_at"] == "2031-03-04T09:00:00Z", "{recurred}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_the_same_completion_twenty_times_at_two_replicas_makes_one_task() -> Result<()> {
    story(async |suite, person| {
        let task = person.create_task(&standup()).await?;
        follows(&person, &task, PATIENCE).await?;
        let event = newest(&suite, task.id, "task.completed").await?;
        let replicas: Vec<_> = suite.stack().instances().iter().filter(|instance| instance.app == "recurrence").collect();
        ensure!(replicas.len() == 2, "two replicas");
        let deliveries = (0..AGAIN).map(|number| deliver(&suite, replicas[number % 2], &event));
        try_join_all(deliveries).await?;
        ensure!(series(&person, &task).await?.len() == 2, "{:?}", series(&person, &task).await?);
        let events = Database::of(&suite)
            .await?
            .count(
                "select count(*) from tasks.outbox_events where event_type = 'task.recurred' and payload ->> 'completed_task_id' = $1",
                &[&task.id.to_string()],
            )
            .await?;
        ensure!(events == 1, "{events} events task.recurred");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_nothing_but_the_completion_of_a_recurring_task_makes_a_task() -> Result<()> {
    story(async |suite, person| {
        let recurrence = suite.stack().instance("recurrence", 0)?;
        let recurring = person.create_task(&standup()).await?;
        let plain = person.create_task(&json!({ "title": "Once" })).await?;
        for task in [&recurring, &plain] {
            let path = format!("/tasks/{}", task.id);
            person.patch(&path, &json!({ "title": "Changed" })).await?.is(200)?;
            if task.id == plain.id {
                person.complete(task.id).await?;
                deliver(&suite, recurrence, &newest(&suite, task.id, "task.completed").await?).await?;
            }
            person.delete(&path).await?.is(204)?;
            for event_type in ["task.created", "task.updated", "task.deleted"] {
                deliver(&suite, recurrence, &newest(&suite, task.id, event_type).await?).await?;
            }
        }
        ensure!(person.list("").await?.total == 0, "{:?}", person.list("").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_completed_and_reopened_and_completed_again_it_comes_again_once() -> Result<()> {
    story(async |suite, person| {
        let task = person.create_task(&standup()).await?;
        follows(&person, &task, PATIENCE).await?;
        person.patch(&format!("/tasks/{}", task.id), &json!({ "status": "todo" })).await?.is(200)?;
        person.complete(task.id).await?;
        let series = handled(&suite, &person, &task).await?;
        ensure!(series.len() == 2, "{series:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_each_series_ends_as_it_says_and_says_that_it_has_ended() -> Result<()> {
    story(async |suite, person| {
        let run = async |pattern: Value, instances: usize| {
            let mut body = standup();
            body["recurrence_pattern"] = pattern;
            let mut task = person.create_task(&body).await?;
            for _ in 1..instances {
                task = follows(&person, &task, PATIENCE).await?;
                ensure!(!task.recurrence_ended, "{task:?}");
            }
            person.complete(task.id).await?;
            let series = handled(&suite, &person, &task).await?;
            anyhow::Ok((task, series))
        };
        let daily = |end: Value| {
            let mut pattern = json!({ "pattern_type": "daily" });
            pattern.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
            pattern
        };
        for end in [
            json!({ "end_type": "after_occurrences", "end_after_occurrences": 3 }),
            json!({ "end_type": "by_date", "end_by_date": "2031-03-05" }),
        ] {
            let (last, series) = run(daily(end.clone()), 3).await?;
            let lines = logged(&suite, last.id).await?;
            ensure!(lines.iter().any(|line| line["message"] == "the series has come to its end"), "{lines:?}");
            ensure!(series.len() == 3 && series.iter().all(|task| task.status == Status::Completed), "{end}: {series:?}");
            eventually("the last says that the series has ended", PATIENCE, async || {
                let task: Task = person.get(&format!("/tasks/{}", last.id)).await?.expect(200)?;
                Ok(task.recurrence_ended.then_some(()))
            })
            .await?;
        }
        let (_, series) = run(daily(json!({ "end_type": "never" })), 4).await?;
        ensure!(series.len() == 5, "one that never ends goes on: {series:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_nothing_follows_a_task_whose_series_was_stopped_in_either_way() -> Result<()> {
    story(async |suite, person| {
        for patched in [false, true] {
            let task = person.create_task(&standup()).await?;
            let path = format!("/tasks/{}", task.id);
            let stopped: Task = match patched {
                true => person.patch(&path, &json!({ "recurrence_pattern": null })).await?.expect(200)?,
                false => person.delete(&format!("{path}/recurrence")).await?.expect(200)?,
            };
            ensure!(stopped.recurrence_ended && stopped.recurrence_pattern.is_none(), "{stopped:?}");
            ensure!(stopped.status == Status::Todo, "the open task stays: {stopped:?}");
            let again: Task = person.delete(&format!("{path}/recurrence")).await?.expect(200)?;
            ensure!(again == stopped, "stopping again changes nothing: {again:?}");
            person.complete(task.id).await?;
            let series = handled(&suite, &person, &task).await?;
            ensure!(series.len() == 1, "{series:?}");
            let lines = logged(&suite, task.id).await?;
            ensure!(lines.iter().any(|line| line["message"] == "skipped: the series was stopped"), "{lines:?}");
        }
        let plain = person.create_task(&json!({ "title": "Once" })).await?;
        person.delete(&format!("/tasks/{}/recurrence", plain.id)).await?.is(409)?;
        let stranger = suite.person()?;
        stranger.delete(&format!("/tasks/{}/recurrence", plain.id)).await?.is(404)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_what_is_changed_on_the_open_task_shapes_those_that_follow_and_no_past_one() -> Result<()> {
    story(async |_, person| {
        let first = person.create_task(&standup()).await?;
        let open = follows(&person, &first, PATIENCE).await?;
        let change = json!({
            "title": "Standup", "priority": "low", "tag_names": ["crew"],
            "recurrence_pattern": { "pattern_type": "weekly", "days_of_week": ["MO"], "interval": 2 },
        });
        person.patch(&format!("/tasks/{}", open.id), &change).await?.is(200)?;
        let next = follows(&person, &open, PATIENCE).await?;
        ensure!((next.title.as_str(), &next.tags) == ("Standup", &vec!["crew".to_owned()]), "{next:?}");
        ensure!(json!(next.priority) == "low", "{next:?}");
        // 4 March 2031 is a Tuesday; its week is the first of two.
        ensure!(next.due_at == Some("2031-03-17T09:00:00Z".parse()?), "{next:?}");
        let past: Task = person.get(&format!("/tasks/{}", first.id)).await?.expect(200)?;
        ensure!((past.title.as_str(), past.tags.len()) == ("Daily Standup", 2), "{past:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_a_recurring_task_without_a_date_is_due_at_the_end_of_the_first_day_that_fits() -> Result<()> {
    story(async |suite, _| {
        let mut person = suite.person()?;
        person = person.with_token(|claims| claims.zoneinfo = Some("Asia/Tokyo".to_owned()))?;
        let body = json!({ "title": "Water the plants", "recurrence_pattern": { "pattern_type": "daily" } });
        let task = person.create_task(&body).await?;
        let (due_at, pattern) = (task.due_at.context("a date")?, task.recurrence_pattern.clone().context("a pattern")?);
        let wall = due_at.with_timezone(&chrono_tz::Asia::Tokyo).naive_local();
        ensure!(wall.time().to_string() == "23:59:00", "{task:?}");
        ensure!((pattern.anchor_local, pattern.timezone.as_deref()) == (Some(wall), Some("Asia/Tokyo")), "{task:?}");
        let next = follows(&person, &task, PATIENCE).await?;
        ensure!(next.due_at == Some(due_at + chrono::TimeDelta::days(1)), "{next:?}");
        suite.settled(&[person.tenant_id]).await
    })
    .await
}
