//! A kill exactly between an effect and its acknowledgement, for each app that handles events: the event comes again and finds its effect
//! there.
//!
//! The place is found without chance. The test holds a row that the effect's statement needs; once PostgreSQL says that the statement waits
//! for the test, the app and its sidecar are stopped in their tracks, and the row is let go. The effect is committed, and nobody is left
//! who could acknowledge its event or note that it was handled. Then both are killed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use contracts::topic::{REMINDERS, TASK_EVENTS};
use serde_json::json;
use tests::database::Database;
use tests::{Person, Suite, eventually, metrics};
use uuid::Uuid;

use super::{BACK, SOON, alone, books, now, options, say};
use crate::guards::tick;
use crate::reminders::to_tell_at;

/// How often each app is killed there.
const ROUNDS: usize = 3;
/// The apps that handle events.
const APPS: [&str; 4] = ["recurrence", "audit", "reminders", "notifications"];

/// One event on its way to an app, and the row that its effect needs, held.
struct Held {
    /// Ends, and lets the row go.
    holder: Database,
    /// The role that runs the effect's statement.
    role: &'static str,
    topic: &'static str,
    event_id: Uuid,
    /// What the effect makes: a count that is 0 before it and stays at 1 after it.
    effect: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_a_kill_between_an_effect_and_its_acknowledgement_leaves_one_effect() -> Result<()> {
    let parts = ["identity", "tasks", "recurrence", "reminders", "notifications", "audit", "gateway"];
    let options = options("between", &parts)?;
    let redis = options.set.broker() == "redis";
    alone(options, async |suite| run(suite, redis).await).await
}

async fn run(suite: &Suite, redis: bool) -> Result<()> {
    let person = Person::signed_up(suite.clone()).await?;
    let database = Database::of(suite).await?;
    let known = "select count(*) from notifications.user_settings where user_id = $1";
    let told = async || Ok((database.count(known, &[&person.user_id]).await? == 1).then_some(()));
    eventually("notifications knows the person", SOON, told).await?;
    let mut kills: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for app in APPS {
            kill_between(suite, &database, &person, app, redis).await.with_context(|| app.to_owned())?;
            *kills.entry(app).or_default() += 1;
        }
    }
    eventually("everything has arrived", SOON, async || {
        let left = books::on_its_way(&database).await?;
        ensure!(left.is_empty(), "{}", left.join("; "));
        Ok(Some(()))
    })
    .await?;
    books::nothing_wrong(&database).await?;
    let mails = suite.stack().mails().len();
    let sent = database.count("select count(*) from notifications.notifications where channel = 'email'", &[]).await?;
    ensure!(mails == ROUNDS && sent == ROUNDS as i64, "{mails} mails, {sent} notifications, {ROUNDS} reminders");
    say(&format!("killed between effect and acknowledgement: {kills:?}; each of these events had one effect, {mails} mails"));
    Ok(())
}

/// Has one event handled, kills its app and sidecar when the effect is there and its acknowledgement is not, and sees the event come again.
async fn kill_between(suite: &Suite, database: &Database, person: &Person, app: &'static str, redis: bool) -> Result<()> {
    let sidecar = format!("{app}-daprd");
    // Nothing of the event reaches the app before its row is held.
    suite.stack().pause(&sidecar).await?;
    let held = hold(suite, database, person, app).await?;
    suite.stack().resume(&sidecar).await?;

    let holder = held.holder.count("select pg_backend_pid()::bigint", &[]).await? as i32;
    let waiting = "select count(*) from pg_stat_activity where usename = $1 and $2 = any (pg_blocking_pids(pid))";
    let waits = async || Ok((database.count(waiting, &[&held.role, &holder]).await? == 1).then_some(()));
    eventually("the effect waits for its row", SOON, waits).await?;
    for part in [app, &sidecar] {
        suite.stack().pause(part).await?;
    }
    let effects = async || database.count(&held.effect, &[]).await;
    ensure!(effects().await? == 0, "the effect is there before its row is");
    held.holder.client().batch_execute("rollback").await?;
    let committed = async || Ok((effects().await? == 1).then_some(()));
    eventually("the effect is there", SOON, committed).await?;
    ensure!(marks(database, app, held.event_id).await? == 0, "it is noted as handled");
    for part in [&sidecar, app] {
        suite.stack().kill9(part).await?;
    }
    if redis {
        ensure!(overdue(suite, held.topic, app).await? > 0, "nothing waits for its acknowledgement");
    }

    suite.stack().wait_ready(BACK).await?;
    let labels = [("topic", held.topic)];
    eventually("the event comes again and is known", SOON, async || {
        // Counted by the process that was started since.
        let again = metrics::total(suite, app, "events_duplicate_total", &labels).await?;
        let (effects, marks) = (effects().await?, marks(database, app, held.event_id).await?);
        ensure!(effects == 1, "it took effect {effects} times");
        ensure!(again >= 1.0 && marks == 1, "{again} duplicates, noted {marks} times");
        Ok(Some(()))
    })
    .await
}

/// How often an event is noted as handled by an app.
async fn marks(database: &Database, app: &str, event_id: Uuid) -> Result<i64> {
    let sql = "select count(*) from state.state where key like '%' || $1";
    database.count(sql, &[&format!("processed:{app}:{event_id}")]).await
}

/// Makes what an app was given and has not acknowledged look as old as it must be to be given again; gives how much that is.
async fn overdue(suite: &Suite, topic: &str, app: &str) -> Result<usize> {
    let mut redis = redis::Client::open(suite.stack().redis_url())?.get_multiplexed_async_connection().await?;
    let pending = redis::cmd("XPENDING").arg(topic).arg(app).arg("-").arg("+").arg(1000).to_owned();
    let pending: Vec<(String, String, i64, i64)> = pending.query_async(&mut redis).await?;
    for (entry, consumer, ..) in &pending {
        let claim = redis::cmd("XCLAIM").arg(topic).arg(app).arg(consumer).arg(0).arg(entry).arg("IDLE").arg(600_000).to_owned();
        let _: redis::Value = claim.query_async(&mut redis).await?;
    }
    Ok(pending.len())
}

/// Causes an event for an app, and holds the row that its effect needs.
async fn hold(suite: &Suite, database: &Database, person: &Person, app: &'static str) -> Result<Held> {
    let holder = Database::of(suite).await?;
    holder.client().batch_execute("begin").await?;
    let tomorrow = now() + TimeDelta::days(1);
    let event = async |owner: &str, event_type: &str, of: &str, id: Uuid| -> Result<Uuid> {
        let sql = format!(
            "select coalesce((select to_jsonb(id) from {owner}.outbox_events where event_type = '{event_type}' and {of} = '{id}'), 'null')"
        );
        let made = async || Ok(serde_json::from_value::<Option<Uuid>>(database.json(&sql, &[]).await?)?);
        eventually(&format!("{event_type} is there"), SOON, made).await
    };
    let (role, topic, event_id, effect) = match app {
        "recurrence" => {
            let daily = json!({ "title": "Stand up", "due_at": tomorrow, "recurrence_pattern": { "pattern_type": "daily" } });
            let task = person.create_task(&daily).await?;
            let series = task.series_id.context("a series")?;
            person.complete(task.id).await?;
            // Who makes an instance makes sure that its pattern stays.
            holder.client().execute("select from tasks.recurrence_patterns where id = $1 for update", &[&series]).await?;
            let effect = format!("select count(*) from tasks.tasks where series_id = '{series}' and occurrence > 1");
            ("tasks", TASK_EVENTS, event("tasks", "task.completed", "aggregate_id", task.id).await?, effect)
        }
        "audit" => {
            let task = person.create_task(&json!({ "title": "a" })).await?;
            let id = event("tasks", "task.created", "aggregate_id", task.id).await?;
            (app, TASK_EVENTS, id, format!("select count(*) from audit.audit_logs where entity_id = '{}'", task.id))
        }
        "reminders" => {
            let body = json!({ "title": "b", "due_at": tomorrow, "reminder_offset_minutes": 30 });
            let task = person.create_task(&body).await?;
            let id = event("tasks", "task.created", "aggregate_id", task.id).await?;
            let effect = format!(
                "select count(*) from reminders.reminders r join reminders.outbox_events o on o.aggregate_id = r.id
                 where r.task_id = '{}' and o.event_type = 'reminder.scheduled'",
                task.id
            );
            (app, TASK_EVENTS, id, effect)
        }
        _ => {
            let task = person.create_task(&to_tell_at(now() + TimeDelta::seconds(2), "c")).await?;
            let of = "payload ->> 'task_id'";
            event("reminders", "reminder.scheduled", of, task.id).await?;
            let due = "select count(*) from reminders.reminders where task_id = $1 and remind_at < now()";
            let comes = async || Ok((database.count(due, &[&task.id]).await? == 1).then_some(()));
            eventually("its time has come", SOON, comes).await?;
            tick(suite).await?;
            let id = event("reminders", "reminder.due", of, task.id).await?;
            let effect = format!(
                "select count(*) from notifications.notifications n join notifications.outbox_events o on o.aggregate_id = n.id
                 where n.task_id = '{}' and n.channel = 'in_app'",
                task.id
            );
            (app, REMINDERS, id, effect)
        }
    };
    if role == app {
        // What makes an effect happen once is the row that it begins with.
        let sql = format!("insert into {app}.processed_events (event_id, topic) values ($1, $2)");
        holder.client().execute(&sql, &[&event_id, &topic]).await?;
    }
    Ok(Held { holder, role, topic, event_id, effect })
}
