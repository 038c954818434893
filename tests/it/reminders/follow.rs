//! A reminder follows its task: moved with it, cancelled with it, back with it.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::task::Task;
use serde_json::{Value, json};
use tests::database::Database;
use tests::eventually;
use uuid::Uuid;

use super::{SOON, TOLD, events, id, list, messages, now, shows, to_tell_at, told};

/// The times of the reminders in one state, soonest first.
fn times(list: &[Value], status: &str) -> Result<Vec<DateTime<Utc>>> {
    let of_status = list.iter().filter(|each| each["delivery_status"] == status);
    of_status.map(|each| Ok(serde_json::from_value(each["remind_at"].clone())?)).collect()
}

#[tokio::test]
async fn flow_a_reminder_moves_with_its_task_and_goes_with_the_due_date() -> Result<()> {
    told(async |suite, person| {
        let start = now();
        let at = |minutes| start + TimeDelta::minutes(minutes);
        let body = json!({ "title": "Submit report", "due_at": at(120), "reminder_offset_minutes": 60 });
        let task = person.create_task(&body).await?.id;
        shows(&person, task, SOON, &[(60, "scheduled")]).await?;
        for (what, body, standing, cancelled) in [
            ("earlier", json!({ "due_at": at(90) }), Some(30), 1),
            ("later", json!({ "due_at": at(300) }), Some(240), 2),
            ("another offset", json!({ "reminder_offset_minutes": 15 }), Some(285), 3),
            ("another title", json!({ "title": "Submit the report" }), Some(285), 3),
            ("no due date", json!({ "due_at": null }), None, 4),
            ("a due date again", json!({ "due_at": at(200), "reminder_offset_minutes": 20 }), Some(180), 4),
            ("no offset", json!({ "reminder_offset_minutes": null }), None, 5),
        ] {
            let version = person.patch(&format!("/tasks/{task}"), &body).await?.expect::<Task>(200)?.version;
            known(&Database::of(&suite).await?, task, version).await?;
            let list = list(&person, task).await?;
            let (found, gone) = (times(&list, "scheduled")?, times(&list, "cancelled")?);
            let wanted: Vec<_> = standing.map(at).into_iter().collect();
            ensure!(found == wanted && gone.len() == cancelled, "{what}: {found:?} stand, {} are cancelled", gone.len());
        }
        let database = Database::of(&suite).await?;
        for reminder in list(&person, task).await? {
            let said = events(&database, id(&reminder)?).await?;
            ensure!(said == json!(["reminder.scheduled", "reminder.cancelled"]), "{said} of {reminder}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_a_reminder_that_was_delivered_is_set_again_when_its_task_moves() -> Result<()> {
    told(async |suite, person| {
        let first = now() + TimeDelta::seconds(1);
        let task = person.create_task(&to_tell_at(first, "Water the plants")).await?.id;
        shows(&person, task, TOLD, &[(1, "delivered")]).await?;
        let second = now() + TimeDelta::seconds(1);
        person.patch(&format!("/tasks/{task}"), &json!({ "due_at": second + TimeDelta::minutes(1) })).await?.is(200)?;
        let list = shows(&person, task, TOLD, &[(1, "delivered"), (1, "delivered")]).await?;
        ensure!(times(&list, "delivered")? == [first, second], "{list:?}");
        let database = Database::of(&suite).await?;
        for reminder in &list {
            let said = events(&database, id(reminder)?).await?;
            ensure!(said == json!(["reminder.scheduled", "reminder.due"]), "{said} of {reminder}");
        }
        let page = person.get("/notifications").await?.is(200)?.json();
        ensure!(page["total"] == 2, "told twice, of two times: {page}");
        Ok(())
    })
    .await
}

/// All five are to be told at the same time; only the one that is left as it was is. Of two of them the word that they changed is still on
/// its way when the time comes: the administrator's hand makes the change without its event.
#[tokio::test]
async fn flow_a_task_that_is_done_gone_or_moved_just_before_its_time_tells_nobody() -> Result<()> {
    told(async |suite, person| {
        let database = Database::of(&suite).await?;
        let remind_at = now() + TimeDelta::seconds(10);
        let (mut made, mut tasks) = (Vec::new(), Vec::new());
        for title in ["completed", "deleted", "completed unheard", "moved unheard", "left"] {
            made.push((title, person.create_task(&to_tell_at(remind_at, title)).await?.id));
        }
        for (title, task) in made {
            let list = shows(&person, task, SOON, &[(1, "scheduled")]).await.context(title)?;
            tasks.push((title, task, id(&list[0])?));
        }
        person.complete(tasks[0].1).await?;
        person.delete(&format!("/tasks/{}", tasks[1].1)).await?.is(204)?;
        let unheard = "update tasks.tasks set status = 'completed', completed_at = now() where id = $1";
        ensure!(database.client().execute(unheard, &[&tasks[2].1]).await? == 1, "no such task");
        let unheard = "update tasks.tasks set due_at = due_at + interval '1 hour' where id = $1";
        ensure!(database.client().execute(unheard, &[&tasks[3].1]).await? == 1, "no such task");
        ensure!(now() < remind_at, "all this took too long");

        // A tick takes all whose time has come, so when the last one was told the others had their turn.
        shows(&person, tasks[4].1, TOLD, &[(1, "delivered")]).await?;
        for (title, task, reminder) in &tasks[..4] {
            let status = "select to_jsonb(delivery_status) from reminders.reminders where id = $1";
            eventually(&format!("{title}: cancelled"), SOON, async || {
                let status = database.json(status, &[reminder]).await?;
                ensure!(status == "cancelled", "{title}: it is {status}");
                Ok(Some(()))
            })
            .await?;
            let said = events(&database, *reminder).await?;
            ensure!(said == json!(["reminder.scheduled", "reminder.cancelled"]), "{title}: {said}");
            ensure!(messages(&database, *task).await? == 0, "{title}: somebody was told");
        }
        ensure!(messages(&database, tasks[4].1).await? == 2, "the last one in the page and by mail");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_reopening_a_task_brings_back_the_reminders_that_are_still_to_come() -> Result<()> {
    told(async |suite, person| {
        let database = Database::of(&suite).await?;
        // The time of the first is past: it fires, and stays so.
        let body = json!({ "title": "Pay rent", "due_at": now() + TimeDelta::minutes(60), "reminder_offset_minutes": 30 });
        let task = person.create_task(&body).await?.id;
        let path = format!("/tasks/{task}");
        for minutes in [120, 5] {
            person.post(&format!("{path}/reminders"), &json!({ "offset_minutes": minutes })).await?.is(201)?;
        }
        shows(&person, task, TOLD, &[(120, "delivered"), (30, "scheduled"), (5, "scheduled")]).await?;
        let begun = person.patch(&path, &json!({ "status": "in_progress" })).await?.is(200)?.json();
        ensure!(begun["status"] == "in_progress" && begun["completed_at"].is_null(), "{begun}");
        let done = person.patch(&path, &json!({ "status": "completed" })).await?.is(200)?.json();
        ensure!(done["completed_at"].is_string() && json!(person.complete(task).await?) == done, "{done} is a complete call");
        shows(&person, task, SOON, &[(120, "delivered"), (30, "cancelled"), (5, "cancelled")]).await?;
        let completions = "select count(*) from tasks.outbox_events where aggregate_id = $1 and event_type = 'task.completed'";
        ensure!(database.count(completions, &[&task]).await? == 1, "one completion");
        let open = person.patch(&path, &json!({ "status": "todo" })).await?.is(200)?.json();
        ensure!(open["completed_at"].is_null() && open["status"] == "todo", "{open}");
        let back = [(120, "delivered"), (30, "scheduled"), (5, "scheduled")];
        shows(&person, task, SOON, &back).await?;

        // Deleting it and taking that back does the same.
        person.delete(&path).await?.is(204)?;
        known(&database, task, open["version"].as_i64().context("a version")? + 1).await?;
        let undone: Task = person.post(&format!("{path}/restore"), &json!({})).await?.expect(200)?;
        known(&database, task, undone.version).await?;
        let list = shows(&person, task, SOON, &back).await?;
        let [set, gone] = ["reminder.scheduled", "reminder.cancelled"];
        let again = json!([set, gone, set, gone, set]);
        for (reminder, wanted) in list.iter().zip([json!(["reminder.scheduled", "reminder.due"]), again.clone(), again]) {
            let said = events(&database, id(reminder)?).await?;
            ensure!(said == wanted, "{said} of {reminder}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_a_reminder_whose_time_passed_while_its_task_was_done_stays_away() -> Result<()> {
    told(async |suite, person| {
        let passes = now() + TimeDelta::seconds(7);
        let task = person.create_task(&to_tell_at(passes, "Pay rent")).await?.id;
        shows(&person, task, SOON, &[(1, "scheduled")]).await?;
        person.complete(task).await?;
        shows(&person, task, SOON, &[(1, "cancelled")]).await?;
        ensure!(now() < passes, "all this took too long");
        eventually("its time has passed", SOON, async || Ok((now() > passes).then_some(()))).await?;
        let open: Task = person.patch(&format!("/tasks/{task}"), &json!({ "status": "todo" })).await?.expect(200)?;
        let database = Database::of(&suite).await?;
        known(&database, task, open.version).await?;
        shows(&person, task, SOON, &[(1, "cancelled")]).await?;
        ensure!(messages(&database, task).await? == 0, "somebody was told");
        Ok(())
    })
    .await
}

/// Waits until reminders knows this version of the task.
async fn known(database: &Database, task: Uuid, version: i64) -> Result<()> {
    let sql = "select count(*) from reminders.task_schedule where task_id = $1 and version = $2";
    let what = format!("reminders knows version {version} of the task");
    eventually(&what, SOON, async || Ok((database.count(sql, &[&task, &version]).await? == 1).then_some(()))).await
}
