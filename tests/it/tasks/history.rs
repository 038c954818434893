//! The history of a recurring task: every past instance, the open one apart.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually, story};
use uuid::Uuid;

/// An instance comes in some seconds, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

async fn history(person: &Person, id: Uuid, query: &str) -> Result<Value> {
    Ok(person.get(&format!("/tasks/{id}/history{query}")).await?.is(200)?.json())
}

/// The numbers of the instances that a history lists as past.
fn past(history: &Value) -> Vec<i64> {
    history["items"].as_array().into_iter().flatten().filter_map(|item| item["occurrence"].as_i64()).collect()
}

/// A daily task that was completed `times`, as each instance was then, and the open one.
async fn completed(person: &Person, times: usize) -> Result<(Vec<Task>, Task)> {
    let daily =
        json!({ "title": "Standup", "due_at": "2031-03-03T09:00:00Z", "recurrence_pattern": { "pattern_type": "daily" } });
    let (mut done, mut open) = (Vec::new(), person.create_task(&daily).await?);
    for _ in 0..times {
        done.push(person.complete(open.id).await?);
        let next = open.occurrence.map(|number| number + 1);
        open = eventually("it comes again", PATIENCE, async || {
            Ok(person.list("?status=todo").await?.items.into_iter().find(|task| task.occurrence == next))
        })
        .await?;
    }
    Ok((done, open))
}

/// Whether a suite of some apps has those that this needs.
fn recurs(suite: &Suite) -> bool {
    suite.runs("recurrence")
}

#[tokio::test]
async fn flow_five_completions_are_a_history_of_five_and_the_open_one_apart() -> Result<()> {
    story(async |suite, person| {
        if !recurs(&suite) {
            return Ok(());
        }
        let (done, open) = completed(&person, 5).await?;
        for id in [open.id, done[0].id, done[3].id] {
            let history = history(&person, id, "").await?;
            ensure!(past(&history) == [5, 4, 3, 2, 1] && history["total"] == 5 && history["has_more"] == false, "{history}");
            ensure!(history["open"]["id"] == json!(open.id) && history["open"]["due_at"] == "2031-03-08T09:00:00Z", "{history}");
            ensure!(history["open"]["completed_at"].is_null() && history["series_id"] == json!(open.series_id), "{history}");
            for (item, task) in history["items"].as_array().into_iter().flatten().rev().zip(&done) {
                let said = [&item["id"], &item["title"], &item["status"], &item["due_at"], &item["completed_at"]];
                let is = serde_json::to_value(task)?;
                ensure!(
                    said == [&is["id"], &is["title"], &is["status"], &is["due_at"], &is["completed_at"]],
                    "{item} is not {is}"
                );
            }
        }
        let first = history(&person, open.id, "?limit=2").await?;
        let last = history(&person, open.id, "?limit=2&offset=4").await?;
        ensure!(past(&first) == [5, 4] && first["has_more"] == true && first["total"] == 5, "{first}");
        ensure!(past(&last) == [1] && last["has_more"] == false && last["open"]["id"] == json!(open.id), "{last}");
        ensure!(past(&history(&person, open.id, "?offset=5").await?).is_empty(), "beyond the end");
        // One that is opened again is no past one less; the newest open one is the one to be done.
        person.patch(&format!("/tasks/{}", done[1].id), &json!({ "status": "todo" })).await?.is(200)?;
        let reopened = history(&person, open.id, "").await?;
        ensure!(past(&reopened) == [5, 4, 3, 2, 1] && reopened["items"][3]["completed_at"].is_null(), "{reopened}");
        let stranger = person.suite.person()?;
        stranger.get(&format!("/tasks/{}/history", open.id)).await?.is(404)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_the_history_outlives_the_tasks_it_tells_of() -> Result<()> {
    story(async |suite, person| {
        if !recurs(&suite) {
            return Ok(());
        }
        let (done, open) = completed(&person, 2).await?;
        let gone = &done[0];
        person.delete(&format!("/tasks/{}", gone.id)).await?.is(204)?;
        let after = history(&person, open.id, "").await?;
        ensure!(past(&after) == [2, 1] && !after["items"][1]["deleted_at"].is_null(), "{after}");
        person.get(&format!("/tasks/{}/history", gone.id)).await?.is(404)?;

        // A month later, when what was deleted is gone for good. The administrator runs the statement as it is shipped.
        let database = Database::of(&suite).await?;
        let month = "update tasks.tasks set deleted_at = now() - interval '31 days' where id = $1";
        let purge = std::fs::read_to_string(crate::workspace::root()?.join("apps/tasks/src/store/purge.sql"))?;
        let purge = format!("set search_path = tasks; {purge}; reset search_path");
        database.client().execute(month, &[&gone.id]).await?;
        database.client().batch_execute(&purge).await?;
        let after = history(&person, open.id, "").await?;
        ensure!(past(&after) == [2, 1], "purged out of the history: {after}");
        // With the last of its series it goes.
        for task in [&done[1], &open] {
            person.delete(&format!("/tasks/{}", task.id)).await?.is(204)?;
            database.client().execute(month, &[&task.id]).await?;
        }
        database.client().batch_execute(&purge).await?;
        let left = database.count("select count(*) from tasks.tasks where user_id = $1", &[&person.user_id]).await?;
        ensure!(left == 0, "{left} are left of a series that was deleted whole");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_task_that_does_not_recur_is_its_own_history() -> Result<()> {
    story(async |_, person| {
        let task = person.create_task(&json!({ "title": "once" })).await?;
        let open = history(&person, task.id, "").await?;
        ensure!(open["open"]["id"] == json!(task.id) && open["total"] == 0 && open["series_id"].is_null(), "{open}");
        person.complete(task.id).await?;
        let past = history(&person, task.id, "").await?;
        let item = past["items"].get(0).context("the task itself")?;
        ensure!(past["open"].is_null() && item["id"] == json!(task.id) && !item["completed_at"].is_null(), "{past}");
        Ok(())
    })
    .await
}
