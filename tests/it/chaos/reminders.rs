//! Reminders fire once, whoever of their three instances dies while it holds them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use serde_json::json;
use tests::database::Database;
use tests::{Person, Suite, eventually};

use super::random::Random;
use super::{BACK, alone, books, now, options, say};

/// How many tasks.
const TASKS: usize = 200;
/// How many instances of reminders.
const INSTANCES: u16 = 3;
/// The reminders' times lie within this many seconds.
const WITHIN_SECONDS: i64 = 8;
/// How far ahead the first of them is: making the tasks comes before it.
const AHEAD: TimeDelta = TimeDelta::seconds(14);
/// All have fired by then: a claim of the dead ends after 15 s, and a tick comes every 10 s.
const FIRED: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_three_instances_that_are_killed_fire_each_reminder_once() -> Result<()> {
    let mut options = options("reminders", &["identity", "tasks", "reminders", "notifications", "audit", "gateway"])?;
    options.replicas.insert("reminders".to_owned(), INSTANCES);
    let (random, seed) = Random::of_run("reminders")?;
    alone(options, async |suite| run(suite, random, seed).await).await
}

async fn run(suite: &Suite, mut random: Random, seed: u64) -> Result<()> {
    let person = Person::signed_up(suite.clone()).await?;
    let database = Database::of(suite).await?;
    let first = now() + AHEAD;
    make_tasks(&person, first).await?;
    let count = async |what: &str| database.count(&format!("select count(*) from reminders.reminders where {what}"), &[]).await;
    let scheduled = async || Ok((count("true").await? == TASKS as i64).then_some(()));
    eventually("every reminder is scheduled", AHEAD.to_std()?, scheduled).await?;
    ensure!(count("delivery_status <> 'scheduled'").await? == 0 && now() < first, "making the tasks took too long");

    // Whoever claims now waits for an answer of tasks, and dies with the claim in its hands.
    let parts: Vec<String> =
        suite.stack().parts().into_iter().map(|(part, ..)| part).filter(|part| part.starts_with("reminders")).collect();
    ensure!(parts.len() == 2 * usize::from(INSTANCES), "{parts:?}");
    eventually("the first reminder's time has come", FIRED, async || Ok((now() >= first).then_some(()))).await?;
    suite.stack().pause("tasks").await?;
    let held =
        async || Ok(Some(count("claimed_until > now() and delivery_status = 'scheduled'").await?).filter(|held| *held > 0));
    let held = eventually("an instance holds reminders", FIRED, held).await?;
    for part in parts.iter().filter(|part| !part.ends_with("-daprd")) {
        suite.stack().kill9(part).await?;
    }
    suite.stack().resume("tasks").await?;
    suite.stack().wait_ready(BACK).await?;

    // And on, round by round in an order of chance, until all have fired.
    let (began, mut kills, mut round) = (Instant::now(), usize::from(INSTANCES), Vec::new());
    while count("delivery_status = 'scheduled'").await? > 0 || kills < usize::from(INSTANCES) + parts.len() {
        ensure!(began.elapsed() < FIRED, "{} reminders have not fired", count("delivery_status = 'scheduled'").await?);
        if round.is_empty() {
            round.clone_from(&parts);
            random.shuffle(&mut round);
        }
        let Some(part) = round.pop() else { break };
        tokio::time::sleep(random.millis(1_500)).await;
        suite.stack().kill9(&part).await?;
        suite.stack().wait_ready(BACK).await.with_context(|| format!("{part} was killed"))?;
        kills += 1;
    }
    eventually("everything has arrived", FIRED, async || {
        let left = books::on_its_way(&database).await?;
        ensure!(left.is_empty(), "{}", left.join("; "));
        Ok(Some(()))
    })
    .await?;
    books::nothing_wrong(&database).await?;
    told_once(&database).await?;
    let late = "select jsonb_build_object('median', percentile_cont(0.5) within group (order by late), 'longest', max(late)) from (
                  select extract(epoch from o.created_at - r.remind_at) as late
                  from reminders.outbox_events o join reminders.reminders r on r.id = o.aggregate_id where o.event_type = 'reminder.due') due";
    let late = database.json(late, &[]).await?;
    say(&format!(
        "seed {seed}: {TASKS} reminders fired once, {held} of them were in the hands of the dead; {kills} kills; late by seconds: {late}"
    ));
    Ok(())
}

/// One reminder each, their times within a few seconds.
async fn make_tasks(person: &Person, first: DateTime<Utc>) -> Result<()> {
    let requests = (0..TASKS).map(|number| {
        let remind_at = first + TimeDelta::milliseconds(number as i64 * WITHIN_SECONDS * 1000 / TASKS as i64);
        let body = json!({ "title": format!("Task {number}"), "due_at": remind_at + TimeDelta::minutes(1), "reminder_offset_minutes": 1 });
        async move { person.create_task(&body).await }
    });
    let mut answers = futures::stream::iter(requests).buffer_unordered(8);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}

/// One event and one row a channel for each reminder, none of them before its time.
async fn told_once(database: &Database) -> Result<()> {
    let tasks = TASKS as i64;
    for (what, sql) in [
        ("reminder.due events", "select count(*) from reminders.outbox_events where event_type = 'reminder.due'"),
        (
            "reminders with one",
            "select count(distinct aggregate_id) from reminders.outbox_events where event_type = 'reminder.due'",
        ),
        ("delivered reminders", "select count(*) from reminders.reminders where delivery_status = 'delivered'"),
        ("told in the page", "select count(*) from notifications.notifications where channel = 'in_app'"),
        ("told by mail", "select count(*) from notifications.notifications where channel = 'email' and status = 'sent'"),
    ] {
        let found = database.count(sql, &[]).await?;
        ensure!(found == tasks, "{what}: {found} of {tasks}");
    }
    let early = "select count(*) from reminders.outbox_events o join reminders.reminders r on r.id = o.aggregate_id
                 where o.event_type = 'reminder.due' and o.created_at < r.remind_at";
    ensure!(database.count(early, &[]).await? == 0, "some fired before their time");
    Ok(())
}
