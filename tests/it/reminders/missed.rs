//! What comes due while a part is away: it waits, fires once when the part is back, and not at all when it is too late.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use serde_json::json;
use tests::database::Database;
use tests::suite::is_long;
use tests::{Person, Suite, eventually};
use uuid::Uuid;

use super::{SOON, TOLD, events, id, messages, now, shows, to_tell_at};
use crate::guards::tick;

/// How long a part may take to be back.
const BACK: Duration = Duration::from_secs(60);
/// When they would be told. No part is stopped in a hurry: once it is away, the administrator makes the time come.
const LATER: TimeDelta = TimeDelta::hours(1);
/// How long nobody looks at the clock with `--long`; otherwise they are back at once.
const AWAY: TimeDelta = TimeDelta::minutes(3);
/// Instances of reminders: each with its own clock, none of which may fire what another fires.
const INSTANCES: u16 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_what_came_due_while_a_part_was_away_is_told_once_when_it_is_back() -> Result<()> {
    let mut options = Suite::options("missed")?;
    options.replicas.clear();
    options.replicas.insert("reminders".to_owned(), INSTANCES);
    options.zipkin = false;
    options.apps = Some(["identity", "tasks", "reminders", "notifications", "gateway"].map(str::to_owned).to_vec());
    let suite = Suite::start(options).await?;
    let told = async {
        let person = Person::signed_up(suite.clone()).await?;
        let database = Database::of(&suite).await?;
        while_tasks_are_away(&suite, &person, &database).await.context("tasks away")?;
        while_the_clock_is_away(&suite, &person, &database).await.context("reminders away")?;
        suite.settled(&[person.tenant_id]).await
    };
    let told = told.await;
    let ended = suite.shutdown().await;
    told.and(ended)
}

/// The trigger asks tasks before it tells anybody; while tasks cannot answer, the reminder waits for the next tick.
async fn while_tasks_are_away(suite: &Suite, person: &Person, database: &Database) -> Result<()> {
    let task = person.create_task(&to_tell_at(now() + LATER, "while tasks are away")).await?.id;
    let reminder = id(&shows(person, task, SOON, &[(1, "scheduled")]).await?[0])?;
    suite.stack().stop("tasks").await?;
    make_due(database, task, now() + TimeDelta::minutes(1)).await?;
    let waits = "select count(*) from reminders.reminders
                 where id = $1 and delivery_status = 'scheduled' and attempts >= 2 and claimed_until is null";
    eventually("two ticks have taken it and given it back", TOLD, async || {
        tick(suite).await?;
        Ok((database.count(waits, &[&reminder]).await? == 1).then_some(()))
    })
    .await?;
    let said = events(database, reminder).await?;
    ensure!(said == json!(["reminder.scheduled"]) && messages(database, task).await? == 0, "told without asking: {said}");
    suite.stack().start_part("tasks").await?;
    suite.stack().wait_ready(BACK).await?;
    tick(suite).await?;
    shows(person, task, TOLD, &[(1, "delivered")]).await?;
    once(suite, database, task, reminder).await
}

/// Nobody looks at the clock while times pass: what came due fires once, what its owner completed meanwhile does not, and of a task that
/// has been over for more than a day nobody is told. Days do not pass in a test: the administrator makes the rows older.
async fn while_the_clock_is_away(suite: &Suite, person: &Person, database: &Database) -> Result<()> {
    let (mut tasks, mut set) = (Vec::new(), Vec::new());
    for title in ["missed", "completed meanwhile", "long over", "nearly long over"] {
        tasks.push(person.create_task(&to_tell_at(now() + LATER, title)).await?.id);
    }
    for task in tasks {
        set.push((task, id(&shows(person, task, SOON, &[(1, "scheduled")]).await?[0])?));
    }
    let stack = suite.stack();
    let clocks = (0..INSTANCES).map(|index| Ok(stack.instance("reminders", index)?.part())).collect::<Result<Vec<_>>>()?;
    try_join_all(clocks.iter().map(|part| stack.stop(part))).await?;
    person.complete(set[1].0).await?;
    let due_at = now() + TimeDelta::minutes(1);
    for ((task, _), age) in set.iter().zip([TimeDelta::zero(), TimeDelta::zero(), TimeDelta::hours(25), TimeDelta::hours(23)]) {
        make_due(database, *task, due_at - age).await?;
    }
    let back_at = if is_long() { now() + AWAY } else { now() };
    eventually("the time is over", SOON + AWAY.to_std()?, async || Ok((now() > back_at).then_some(()))).await?;
    try_join_all(clocks.iter().map(|part| stack.start_part(part))).await?;
    stack.wait_ready(BACK).await?;

    for ((task, reminder), status) in set.iter().zip(["delivered", "cancelled", "expired", "delivered"]) {
        shows(person, *task, TOLD, &[(1, status)]).await?;
        if status == "delivered" {
            once(suite, database, *task, *reminder).await?;
        } else {
            let said = events(database, *reminder).await?;
            ensure!(said == json!(["reminder.scheduled", "reminder.cancelled"]), "{status}: {said}");
            ensure!(messages(database, *task).await? == 0, "{status}, and somebody was told");
        }
    }
    Ok(())
}

/// Makes a task and its reminder as old as if it had been due at that time, wherever it is written.
async fn make_due(database: &Database, task: Uuid, due_at: DateTime<Utc>) -> Result<()> {
    for sql in [
        "update tasks.tasks set due_at = $2 where id = $1",
        "update reminders.task_schedule set due_at = $2 where task_id = $1",
        "update reminders.reminders set due_at = $2, remind_at = $2::timestamptz - interval '1 minute' where task_id = $1",
    ] {
        ensure!(database.client().execute(sql, &[&task, &due_at]).await? == 1, "{sql}: no such task");
    }
    Ok(())
}

/// One event, one line in the page, one mail.
async fn once(suite: &Suite, database: &Database, task: Uuid, reminder: Uuid) -> Result<()> {
    let said = events(database, reminder).await?;
    ensure!(said == json!(["reminder.scheduled", "reminder.due"]), "{said}");
    ensure!(messages(database, task).await? == 2, "in the page and by mail, once each");
    let words = format!("ref: {reminder}-email");
    let mails = suite.stack().mails().iter().filter(|mail| mail.content.replace("=\r\n", "").contains(&words)).count();
    ensure!(mails == 1, "{mails} mails");
    Ok(())
}
