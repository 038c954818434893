//! The clock: sidecars call on schedule, nobody is told early or much too late, and the counters say what the tables say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use futures::StreamExt;
use futures::future::try_join_all;
use serde_json::json;
use tests::database::Database;
use tests::suite::is_long;
use tests::{Suite, eventually, metrics};

use super::{SOON, events, id, now, shows, to_tell_at, told};
use crate::notifications::Reader;

/// How many reminders within how many seconds: two turns of the clock; with `--long` many.
const SHORT: (i32, TimeDelta) = (60, TimeDelta::seconds(20));
const LONG: (i32, TimeDelta) = (200, TimeDelta::minutes(5));
/// Whose they are.
const PEOPLE: usize = 3;
/// How far ahead the first is: making the tasks comes before it.
const AHEAD: TimeDelta = TimeDelta::seconds(6);
/// The promise.
const LATEST: f64 = 30.0;
/// The cadence of `reminder-cron`.
const CADENCE: Duration = Duration::from_secs(10);

/// Each sidecar's own count of its clock's calls, which no test can add to, rises six times a minute, give or take one; and the app
/// has answered as often. Two gaps between calls, on three instances, are as sharp as a minute.
#[tokio::test]
async fn flow_the_clock_of_each_instance_calls_every_ten_seconds() -> Result<()> {
    let suite = Suite::shared().await?;
    let instances: Vec<_> = suite.stack().instances().iter().filter(|instance| instance.app == "reminders").collect();
    try_join_all(instances.into_iter().map(async |instance| {
        let count = async |port, name, labels| anyhow::Ok(metrics::at(&suite, port, name, labels).await?.unwrap_or_default());
        let of_clock = [("component", "reminder-cron"), ("success", "true")];
        let calls = async || count(instance.metrics_port, "dapr_component_input_binding_count", &of_clock[..]).await;
        let of_route = [("route", "/jobs/reminder-trigger"), ("status", "200")];
        let answers = async || count(instance.app_port, "http_requests_total", &of_route[..]).await;
        // The answers first: a call between the two looks is then one answer more, not one less.
        let (answered, mut seen) = (answers().await?, calls().await?);
        let mut times = Vec::new();
        for _ in 0..3 {
            let next = seen + 1.0;
            let reached = async || Ok(Some(calls().await?).filter(|count| *count >= next));
            seen = eventually("the next call", CADENCE * 2, reached).await.with_context(|| instance.part())?;
            ensure!(seen == next, "{}: {seen} calls, not {next}", instance.part());
            times.push(Instant::now());
        }
        let gaps = (times.len() - 1) as f64;
        let a_minute = 60.0 * gaps / (times[times.len() - 1] - times[0]).as_secs_f64();
        ensure!((a_minute - 6.0).abs() <= 1.0, "{}: {a_minute} calls a minute", instance.part());
        let more = answers().await? - answered;
        ensure!(more >= 3.0, "{}: answered {more} calls of 3", instance.part());
        Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test]
async fn flow_reminders_of_several_people_are_never_early_and_at_most_thirty_seconds_late() -> Result<()> {
    let suite = Suite::shared().await?;
    if !suite.runs("reminders") || !suite.runs("notifications") {
        return Ok(());
    }
    let (reminders, within) = if is_long() { LONG } else { SHORT };
    let people = try_join_all((0..PEOPLE).map(|_| Reader::new(&suite, [true, false, false]))).await?;
    let first = now() + AHEAD;
    let tasks = (0..reminders).zip(people.iter().cycle()).map(|(number, reader)| {
        let remind_at = first + within * number / reminders;
        async move {
            reader.person.create_task(&to_tell_at(remind_at, &format!("Task {number}"))).await?;
            ensure!(now() < remind_at, "making the tasks took too long");
            Ok(())
        }
    });
    let mut made = futures::stream::iter(tasks).buffer_unordered(4);
    while let Some(task) = made.next().await {
        task?;
    }
    let database = Database::of(&suite).await?;
    let users: Vec<_> = people.iter().map(|reader| reader.person.user_id).collect();
    let delivered = "select count(*) from reminders.reminders where user_id = any ($1) and delivery_status = 'delivered'";
    let patience = (AHEAD + within).to_std()? + SOON * 2;
    eventually("all were told", patience, async || {
        let told = database.count(delivered, &[&users]).await?;
        ensure!(told == i64::from(reminders), "{told} of {reminders}");
        Ok(Some(()))
    })
    .await?;
    // From the time it was to be told to the event, and to the line in the page.
    let late = "select jsonb_build_object('events', count(*), 'reminders', count(distinct r.id),
                  'earliest', min(extract(epoch from o.created_at - r.remind_at)), 'latest', max(extract(epoch from n.created_at - r.remind_at)))
                from reminders.reminders r
                join reminders.outbox_events o on o.aggregate_id = r.id and o.event_type = 'reminder.due'
                join notifications.notifications n on n.reminder_id = r.id and n.channel = 'in_app'
                where r.user_id = any ($1)";
    let late = database.json(late, &[&users]).await?;
    ensure!(late["events"] == reminders && late["reminders"] == reminders, "each once: {late}");
    ensure!(late["earliest"].as_f64() >= Some(0.0), "told before its time: {late}");
    ensure!(late["latest"].as_f64().is_some_and(|seconds| seconds <= LATEST), "told too late: {late}");
    let mut told = 0;
    for reader in &people {
        told += reader.notes().await?.len();
    }
    ensure!(told == reminders as usize, "{told} lines in their pages");
    counters_are_true(&suite, &database).await?;
    suite.settled(&people.iter().map(|reader| reader.person.tenant_id).collect::<Vec<_>>()).await
}

/// What fires while its task changes was not cancelled, and nobody counts that it was. A trigger of the administrator's stands in for the
/// instance that was faster; it sees this story's person only.
#[tokio::test]
async fn flow_what_fires_while_its_task_changes_is_not_counted_as_cancelled() -> Result<()> {
    told(async |suite, person| {
        let database = Database::of(&suite).await?;
        let task = person.create_task(&to_tell_at(now() + TimeDelta::hours(1), "Submit report")).await?.id;
        let reminder = id(&shows(&person, task, SOON, &[(1, "scheduled")]).await?[0])?;
        let name = format!("keep_{}", person.user_id.simple());
        let keep = format!(
            "create function reminders.{name}() returns trigger language plpgsql as $$ begin return null; end $$;
             create trigger {name} before update on reminders.reminders for each row
             when (new.user_id = '{}') execute function reminders.{name}();",
            person.user_id
        );
        database.client().batch_execute(&keep).await?;
        let done = person.complete(task).await;
        let known = "select count(*) from reminders.task_schedule where task_id = $1 and status = 'completed'";
        let heard = eventually("reminders knows that it is done", SOON, async || {
            Ok((database.count(known, &[&task]).await? == 1).then_some(()))
        });
        let heard = heard.await;
        let forget = format!("drop trigger {name} on reminders.reminders; drop function reminders.{name}();");
        database.client().batch_execute(&forget).await?;
        done?;
        heard?;
        ensure!(events(&database, reminder).await? == json!(["reminder.scheduled"]), "nothing is said of what did not happen");
        counters_are_true(&suite, &database).await
    })
    .await
}

/// The longest wait for a moment in which no other story moves what is compared.
const A_QUIET_MOMENT: Duration = Duration::from_secs(180);

/// What all instances counted since they began, together, is what stands in the tables; and each knows how many are to come.
async fn counters_are_true(suite: &Suite, database: &Database) -> Result<()> {
    let books = "select jsonb_build_object(
      'reminders_scheduled_total', (select count(*) from reminders.outbox_events where event_type = 'reminder.scheduled'),
      'reminders_triggered_total', (select count(*) from reminders.outbox_events where event_type = 'reminder.due'),
      'reminders_cancelled_total', (select count(*) from reminders.outbox_events where event_type = 'reminder.cancelled'),
      'reminder_lateness_seconds_count', (select count(*) from reminders.outbox_events where event_type = 'reminder.due'),
      'reminder_claim_batch_sum', (select coalesce(sum(attempts), 0) from reminders.reminders))";
    // Other stories go on meanwhile: what is compared must hold at one moment.
    eventually("the counters are those of the tables", A_QUIET_MOMENT, async || {
        let (before, tables) = (counted(suite).await?, database.json(books, &[]).await?);
        for (name, count) in tables.as_object().context("counts")? {
            let counted = before.get(name).copied().unwrap_or_default();
            ensure!(Some(counted) == count.as_f64(), "{name}: counted {counted}, the tables say {count}");
        }
        let late = "select to_jsonb(coalesce(sum((payload ->> 'lateness_ms')::numeric), 0) / 1000) from reminders.outbox_events
                    where event_type = 'reminder.due'";
        let (late, sum) = (database.json(late, &[]).await?.as_f64().context("seconds")?, before["reminder_lateness_seconds_sum"]);
        ensure!((late - sum).abs() < 1.0, "lateness: counted {sum} s, the events say {late} s");
        Ok(Some(()))
    })
    .await?;
    for instance in suite.stack().instances().iter().filter(|instance| instance.app == "reminders") {
        eventually(&format!("{} knows how many are to come", instance.part()), A_QUIET_MOMENT, async || {
            let gauge = metrics::at(suite, instance.app_port, "reminders_pending", &[]).await?.unwrap_or_default();
            let pending =
                database.count("select count(*) from reminders.reminders where delivery_status = 'scheduled'", &[]).await?;
            ensure!(gauge == pending as f64, "{gauge}, the tables say {pending}");
            Ok(Some(()))
        })
        .await?;
    }
    Ok(())
}

/// The counters of reminders, all instances together.
async fn counted(suite: &Suite) -> Result<BTreeMap<String, f64>> {
    let mut counted = BTreeMap::new();
    for instance in suite.stack().instances().iter().filter(|instance| instance.app == "reminders") {
        for line in metrics::scrape(suite, instance.app_port).await?.lines().filter(|line| line.starts_with("reminder")) {
            let (name, value) = line.split_once(' ').context("a name and a value")?;
            *counted.entry(name.to_owned()).or_default() += value.parse::<f64>()?;
        }
    }
    Ok(counted)
}
