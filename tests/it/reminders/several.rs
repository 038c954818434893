//! A task may have several reminders, and one whose time is past fires at once.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use serde_json::json;
use tests::database::Database;
use tests::story;
use uuid::Uuid;

use super::{SOON, TOLD, events, id, list, now, shows, told};

#[tokio::test]
async fn flow_a_task_has_several_reminders_that_its_owner_adds_and_takes_away() -> Result<()> {
    told(async |suite, person| {
        let body =
            json!({ "title": "Catch the train", "due_at": now() + TimeDelta::minutes(120), "reminder_offset_minutes": 60 });
        let task = person.create_task(&body).await?.id;
        let path = format!("/tasks/{task}/reminders");
        let add = async |minutes: i64| person.post(&path, &json!({ "offset_minutes": minutes })).await;
        // At once: the task's own event may still be on its way.
        for minutes in [15, 0, 30] {
            let answer = add(minutes).await?;
            let added = answer.is(201)?.json();
            ensure!(added["offset_minutes"] == minutes && added["delivery_status"] == "scheduled", "{added}");
            ensure!(answer.header("location") == format!("{path}/{}", id(&added)?), "Location: {}", answer.header("location"));
        }
        let list =
            shows(&person, task, SOON, &[(60, "scheduled"), (30, "scheduled"), (15, "scheduled"), (0, "scheduled")]).await?;
        for taken in [30, 60, 0] {
            let refused = add(taken).await?.is(409).with_context(|| format!("{taken} minutes again"))?.json();
            ensure!(refused["code"] == "conflict", "{refused}");
        }
        for wrong in [-1, 525_601] {
            ensure!(add(wrong).await?.is(422)?.fields() == ["offset_minutes"], "{wrong} minutes");
        }

        let away = id(&list[2])?;
        person.delete(&format!("{path}/{away}")).await?.is(204)?;
        person.delete(&format!("{path}/{away}")).await?.is(204)?;
        person.delete(&format!("{path}/{}", Uuid::now_v7())).await?.is(404)?;
        let gone = [(60, "scheduled"), (30, "scheduled"), (15, "cancelled"), (0, "scheduled")];
        shows(&person, task, SOON, &gone).await?;
        let said = events(&Database::of(&suite).await?, away).await?;
        ensure!(said == json!(["reminder.scheduled", "reminder.cancelled"]), "{said}");
        // A place that is free again can be taken; what is said of the task changes nothing of it.
        add(15).await?.is(201)?;
        person.patch(&format!("/tasks/{task}"), &json!({ "title": "Catch the early train" })).await?.is(200)?;
        let again = [(60, "scheduled"), (30, "scheduled"), (15, "cancelled"), (15, "scheduled"), (0, "scheduled")];
        shows(&person, task, SOON, &again).await?;
        ensure!(super::list(&person, task).await?.iter().all(|each| each["task_id"] == json!(task)), "of this task");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_a_reminder_whose_time_is_past_fires_on_the_next_tick_and_stays_fired() -> Result<()> {
    told(async |suite, person| {
        let made = now();
        let body = json!({ "title": "Call Ada", "due_at": made + TimeDelta::minutes(30), "reminder_offset_minutes": 45 });
        let task = person.create_task(&body).await?.id;
        let path = format!("/tasks/{task}/reminders");
        person.post(&path, &json!({ "offset_minutes": 31 })).await?.is(201)?;
        let list = shows(&person, task, TOLD, &[(45, "delivered"), (31, "delivered")]).await?;
        let late = "select count(*) from reminders.outbox_events
                    where event_type = 'reminder.due' and aggregate_id = $1 and created_at > $2";
        let (database, next_tick) = (Database::of(&suite).await?, made + TimeDelta::seconds(15));
        for reminder in &list {
            ensure!(database.count(late, &[&id(reminder)?, &next_tick]).await? == 0, "a tick went by: {reminder}");
        }
        ensure!(list[0]["channel_results"] == json!({ "in_app": "sent", "email": "sent" }), "{}", list[0]);
        // The person was told at this offset: neither once more, nor can it be taken back.
        person.post(&path, &json!({ "offset_minutes": 31 })).await?.is(409)?;
        person.delete(&format!("{path}/{}", id(&list[1])?)).await?.is(409)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_of_a_task_that_is_over_nobody_asks_to_be_reminded() -> Result<()> {
    story(async |suite, person| {
        let over = now() - TimeDelta::minutes(1);
        let refused = person.post("/tasks", &json!({ "title": "a", "due_at": over, "reminder_offset_minutes": 0 })).await?;
        ensure!(refused.is(422)?.fields() == ["reminder_offset_minutes"], "{}", refused.body);
        ensure!(person.list("").await?.total == 0, "nothing is made");

        let task = person.create_task(&json!({ "title": "a", "due_at": over })).await?.id;
        let path = format!("/tasks/{task}");
        let refused = person.patch(&path, &json!({ "reminder_offset_minutes": 0 })).await?;
        ensure!(refused.is(422)?.fields() == ["reminder_offset_minutes"], "{}", refused.body);
        if suite.runs("reminders") {
            let refused = person.post(&format!("{path}/reminders"), &json!({ "offset_minutes": 0 })).await?;
            ensure!(refused.is(422)?.fields() == ["offset_minutes"], "{}", refused.body);
            ensure!(list(&person, task).await?.is_empty(), "nothing is set");
        }
        Ok(())
    })
    .await
}

/// A due date alone may take its reminder into the past, which fires then; into its own past it may not, unless the reminder goes.
#[tokio::test]
async fn flow_a_due_date_that_moves_takes_its_reminder_along_but_not_into_the_past_of_the_task() -> Result<()> {
    told(async |_, person| {
        let body = json!({ "title": "Call Ada", "due_at": now() + TimeDelta::days(1), "reminder_offset_minutes": 45 });
        let task = person.create_task(&body).await?;
        let path = format!("/tasks/{}", task.id);
        let past = now() - TimeDelta::minutes(1);
        let refused = person.patch(&path, &json!({ "due_at": past })).await?;
        ensure!(refused.is(422)?.fields() == ["reminder_offset_minutes"], "{}", refused.body);
        ensure!(person.get(&path).await?.json()["version"] == 1, "nothing was changed");
        person.patch(&path, &json!({ "due_at": now() + TimeDelta::minutes(30) })).await?.is(200)?;
        shows(&person, task.id, TOLD, &[(45, "delivered"), (45, "cancelled")]).await?;
        person.patch(&path, &json!({ "due_at": past, "reminder_offset_minutes": null })).await?.is(200)?;
        Ok(())
    })
    .await
}
