//! Reminders as their owner meets them: set, moved, taken away, missed, told.

mod clock;
mod follow;
mod jobs;
mod life;
mod missed;
mod several;

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually, story_of};
use uuid::Uuid;

/// Soon after a write, its effects are there.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// A tick comes every 10 s, and what it tells is told soon after.
pub(crate) const TOLD: Duration = Duration::from_secs(90);

/// A story of somebody who signed up, so that it is known how they want to be told.
async fn told(tell: impl AsyncFnOnce(Suite, Person) -> Result<()>) -> Result<()> {
    let suite = Suite::shared().await?;
    if !suite.runs("reminders") || !suite.runs("notifications") {
        return Ok(());
    }
    story_of(Person::signed_up(suite).await?, tell).await
}

/// The time, as exact as JSON and PostgreSQL both keep it.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(3)
}

/// A task whose one reminder is to be told at that time.
pub(crate) fn to_tell_at(remind_at: DateTime<Utc>, title: &str) -> Value {
    json!({ "title": title, "due_at": remind_at + TimeDelta::minutes(1), "reminder_offset_minutes": 1 })
}

/// The reminders of a task as its owner is shown them.
pub(crate) async fn list(person: &Person, task: Uuid) -> Result<Vec<Value>> {
    person.get(&format!("/tasks/{task}/reminders")).await?.expect(200)
}

/// Waits until the list shows these minutes with these states, in this order.
pub(crate) async fn shows(person: &Person, task: Uuid, patience: Duration, wanted: &[(i64, &str)]) -> Result<Vec<Value>> {
    eventually(&format!("{wanted:?}"), patience, async || {
        let list = list(person, task).await?;
        let found: Vec<(i64, &str)> = list
            .iter()
            .map(|each| (each["offset_minutes"].as_i64().unwrap_or(-1), each["delivery_status"].as_str().unwrap_or_default()))
            .collect();
        ensure!(found == wanted, "the list shows {found:?}");
        Ok(Some(list))
    })
    .await
}

/// The id of a reminder in a list.
pub(crate) fn id(reminder: &Value) -> Result<Uuid> {
    Ok(serde_json::from_value(reminder["id"].clone())?)
}

/// What reminders said of one reminder, in its order.
pub(crate) async fn events(database: &Database, reminder: Uuid) -> Result<Value> {
    let sql = "select coalesce(jsonb_agg(event_type order by aggregate_version, created_at), '[]')
               from reminders.outbox_events where aggregate_id = $1";
    database.json(sql, &[&reminder]).await
}

/// How many messages of any channel were made for a task.
pub(crate) async fn messages(database: &Database, task: Uuid) -> Result<i64> {
    database.count("select count(*) from notifications.notifications where task_id = $1", &[&task]).await
}
