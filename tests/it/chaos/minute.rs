//! Two thousand reminders whose times lie within one minute: three instances fire each once, none early, none much too late.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use futures::StreamExt;
use futures::future::try_join_all;
use tests::database::Database;
use tests::{Person, Suite, eventually};

use super::{SOON, alone, books, now, options, say};
use crate::reminders::to_tell_at;

/// How many tasks, and whose.
const TASKS: i32 = 2_000;
const PEOPLE: usize = 20;
/// Their reminders' times lie within this time, one as far from the next as any other.
const WITHIN: TimeDelta = TimeDelta::minutes(1);
/// When they would be told. Making them is done without hurry: then the administrator makes their times come.
const LATER: TimeDelta = TimeDelta::hours(1);
/// How soon the first comes then.
const SHORTLY: TimeDelta = TimeDelta::seconds(3);
/// From the last of their times until all have fired, and from there until everything that follows has arrived: mails too.
const PATIENCE: Duration = Duration::from_secs(180);
/// How late each may be at most, in seconds: the reminder's event, and what its owner sees of it (TSK-505).
const FIRED: f64 = 15.0;
const TOLD: f64 = 30.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_two_thousand_reminders_of_one_minute_fire_once_each_on_three_instances_and_in_time() -> Result<()> {
    let mut options = options("minute", &["identity", "tasks", "reminders", "notifications", "audit", "gateway"])?;
    options.replicas.insert("reminders".to_owned(), 3);
    alone(options, run).await
}

async fn run(suite: &Suite) -> Result<()> {
    let database = Database::of(suite).await?;
    let people = try_join_all((0..PEOPLE).map(|_| Person::signed_up(suite.clone()))).await?;
    let later = now() + LATER;
    let tasks = (0..TASKS).zip(people.iter().cycle()).map(|(number, person)| {
        let body = to_tell_at(later + WITHIN * number / TASKS, &format!("Task {number}"));
        async move { person.create_task(&body).await }
    });
    let mut made = futures::stream::iter(tasks).buffer_unordered(8);
    while let Some(task) = made.next().await {
        task?;
    }
    everything_arrived(&database, SOON).await?;
    let count = async |what: &str| database.count(what, &[]).await;
    let scheduled = count("select count(*) from reminders.reminders where delivery_status = 'scheduled'").await?;
    ensure!(scheduled == i64::from(TASKS), "{scheduled} reminders");

    let first = now() + SHORTLY;
    bring_forward(&database, later - first).await?;
    ensure!(now() < first, "the times came before they were written");
    eventually("all have fired", (SHORTLY + WITHIN).to_std()? + PATIENCE, async || {
        let waiting = count("select count(*) from reminders.reminders where delivery_status = 'scheduled'").await?;
        ensure!(waiting == 0, "{waiting} are to come");
        Ok(Some(()))
    })
    .await?;
    everything_arrived(&database, PATIENCE).await?;
    books::nothing_wrong(&database).await?;

    for (what, sql) in [
        ("events", "select count(*) from reminders.outbox_events where event_type = 'reminder.due'"),
        (
            "reminders with one",
            "select count(distinct aggregate_id) from reminders.outbox_events where event_type = 'reminder.due'",
        ),
        ("lines in pages", "select count(*) from notifications.notifications where channel = 'in_app'"),
        ("reminders with one", "select count(distinct reminder_id) from notifications.notifications where channel = 'in_app'"),
        ("mails", "select count(*) from notifications.notifications where channel = 'email' and status = 'sent'"),
    ] {
        let found = count(sql).await?;
        ensure!(found == i64::from(TASKS), "{what}: {found} of {TASKS}");
    }
    for (what, latest, sql) in [
        (
            "event",
            FIRED,
            "select o.created_at, o.aggregate_id as id from reminders.outbox_events o where event_type = 'reminder.due'",
        ),
        (
            "line in the page",
            TOLD,
            "select n.created_at, n.reminder_id as id from notifications.notifications n where channel = 'in_app'",
        ),
    ] {
        let late = lateness(&database, sql).await?;
        say(&format!("{TASKS} reminders within a minute, from their times to the {what}:\n{}", histogram(&late)?));
        let (first, last) = (late.first().context("the earliest")?, late.last().context("the latest")?);
        ensure!(*first >= 0.0 && *last < latest, "{what}: from {first} to {last} s after its time");
    }
    Ok(())
}

/// Waits until nothing is on its way.
async fn everything_arrived(database: &Database, patience: Duration) -> Result<()> {
    eventually("everything has arrived", patience, async || {
        let left = books::on_its_way(database).await?;
        ensure!(left.is_empty(), "{}", left.join("; "));
        Ok(Some(()))
    })
    .await
}

/// Makes every task due earlier, wherever it is written.
async fn bring_forward(database: &Database, by: TimeDelta) -> Result<()> {
    let sql = format!(
        "update tasks.tasks set due_at = due_at - {by};
         update reminders.task_schedule set due_at = due_at - {by};
         update reminders.reminders set due_at = due_at - {by}, remind_at = remind_at - {by};",
        by = format_args!("interval '{} milliseconds'", by.num_milliseconds())
    );
    Ok(database.client().batch_execute(&sql).await?)
}

/// Seconds from each reminder's time to what became of it, the earliest first.
async fn lateness(database: &Database, became: &str) -> Result<Vec<f64>> {
    let sql = format!(
        "select jsonb_agg(late order by late) from (
           select extract(epoch from b.created_at - r.remind_at) as late from ({became}) b join reminders.reminders r using (id)) each"
    );
    Ok(serde_json::from_value(database.json(&sql, &[]).await?)?)
}

/// One line a second: how many, and a bar of them.
fn histogram(late: &[f64]) -> Result<String> {
    let mut text = String::new();
    let last = late.last().copied().unwrap_or_default() as usize;
    for second in 0..=last {
        let many = late.iter().filter(|late| late.floor() == second as f64).count();
        writeln!(text, "  {second:>2} s {many:>5} {}", "#".repeat(many * 60 / late.len()))?;
    }
    let share = |share: f64| late.get((late.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    let (median, p95, p99, longest) = (share(0.5), share(0.95), share(0.99), late.last().copied().unwrap_or(f64::NAN));
    write!(text, "  median {median:.1} s, p95 {p95:.1} s, p99 {p99:.1} s, longest {longest:.1} s")?;
    Ok(text)
}
