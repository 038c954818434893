//! `REMINDER_TRIGGER=jobs`: each reminder is a job of Dapr's scheduler, which fires it alone or beside the clock, once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use serde_json::{Value, json};
use stack::{Options, Set};
use tests::database::Database;
use tests::suite::is_long;
use tests::{Person, Suite, eventually, metrics};
use uuid::Uuid;

use super::{SOON, TOLD, events, id, now, shows, to_tell_at};
use crate::guards::tick;

/// How late a reminder may be, in milliseconds.
const LATEST: i64 = 30_000;
/// Reminders that are due while both triggers are at work.
const MANY: usize = 40;
/// How many reminders within how many seconds, while instances die; with `--long` as many as the clock has to fire.
const SHORT: (i32, TimeDelta) = (60, TimeDelta::seconds(20));
const LONG: (i32, TimeDelta) = (200, TimeDelta::minutes(5));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_a_job_alone_fires_its_reminder_and_follows_it_wherever_it_goes() -> Result<()> {
    if tests::suite::set()? != Set::Local && !is_long() {
        return Ok(());
    }
    let mut options = Suite::options("jobs")?;
    options.replicas.clear();
    options.replicas.insert("reminders".to_owned(), 2);
    options.zipkin = false;
    options.jobs = true;
    options.env.entry("reminders".to_owned()).or_default().insert("REMINDER_TRIGGER".to_owned(), "jobs".to_owned());
    options.apps = Some(["identity", "tasks", "reminders", "gateway"].map(str::to_owned).to_vec());
    options.root = without_a_clock(&options)?;
    let suite = Suite::start(options).await?;
    let told = async {
        let person = suite.person()?;
        let database = Database::of(&suite).await?;
        let story = Story { suite: &suite, person: &person, database: &database };
        story.on_time_moved_and_cancelled().await.context("on time, moved and cancelled")?;
        story.while_instances_die().await.context("while instances die")?;
        story.while_parts_are_away().await.context("while parts are away")?;
        ensure!(ticks(&suite).await? == 0.0, "the clock was to be off");
        story.beside_the_clock().await.context("beside the clock")?;
        story.nothing_is_left().await?;
        suite.settled(&[person.tenant_id]).await
    };
    let told = told.await;
    let ended = suite.shutdown().await;
    told.and(ended)
}

/// The repository as the launcher wants it, with a clock that ticks once a day.
fn without_a_clock(options: &Options) -> Result<PathBuf> {
    let root = options.run_dir.join("repository");
    for set in ["common", options.set.name()] {
        let (from, to) = (options.root.join("components").join(set), root.join("components").join(set));
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(from)? {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path)?.replace("@every 10s", "@every 24h");
            std::fs::write(to.join(path.file_name().context("a file")?), text)?;
        }
    }
    let clock = std::fs::read_to_string(root.join("components/common/reminder-cron.yaml"))?;
    ensure!(clock.contains("@every 24h"), "{clock}");
    std::fs::copy(options.root.join("dapr.yaml"), root.join("dapr.yaml"))?;
    link(&options.root.join("scripts"), &root.join("scripts"))?;
    Ok(root)
}

fn link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(from, to)?)
}

/// How often the clock's route was called.
async fn ticks(suite: &Suite) -> Result<f64> {
    metrics::total(suite, "reminders", "http_requests_total", &[("route", "/jobs/reminder-trigger")]).await
}

struct Story<'a> {
    suite: &'a Suite,
    person: &'a Person,
    database: &'a Database,
}

impl Story<'_> {
    /// A task with one reminder, and the name of its job, which stands.
    async fn set(&self, remind_at: DateTime<Utc>, title: &str) -> Result<(Uuid, Uuid, String)> {
        let task = self.person.create_task(&to_tell_at(remind_at, title)).await?.id;
        let reminder = id(&shows(self.person, task, SOON, &[(1, "scheduled")]).await?[0])?;
        Ok((task, reminder, self.stands(reminder).await.context(title.to_owned())?))
    }

    /// Waits until the row says that the job of its version stands.
    async fn stands(&self, reminder: Uuid) -> Result<String> {
        let sql = "select jsonb_build_object('job', job, 'version', version) from reminders.reminders where id = $1";
        eventually("its job stands", SOON, async || {
            let row = self.database.json(sql, &[&reminder]).await?;
            ensure!(row["job"] == row["version"], "{row}");
            Ok(Some(format!("{reminder}.{}", row["job"])))
        })
        .await
    }

    /// The job as the scheduler has it.
    async fn job(&self, name: &str) -> Result<Option<Value>> {
        let instance = self.suite.stack().instance("reminders", 0)?;
        let url = format!("http://127.0.0.1:{}/v1.0/jobs/{name}", instance.dapr_http_port);
        let answer = self.suite.client().get(url).header("dapr-api-token", &instance.dapr_api_token).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if text.contains("code = NotFound") {
            return Ok(None);
        }
        ensure!(status == 200, "{status}: {text}");
        Ok(Some(serde_json::from_str(&text)?))
    }

    async fn is_gone(&self, name: &str) -> Result<()> {
        eventually("its job is gone", SOON, async || Ok(self.job(name).await?.is_none().then_some(()))).await
    }

    /// Waits until the reminder has fired, and looks at what was said: once, not early and not too late.
    async fn fired(&self, reminder: Uuid, at: DateTime<Utc>, wanted: &Value) -> Result<()> {
        let status = "select to_jsonb(delivery_status) from reminders.reminders where id = $1";
        eventually("it fires", TOLD, async || Ok((self.database.json(status, &[&reminder]).await? == "triggered").then_some(())))
            .await?;
        let said = events(self.database, reminder).await?;
        ensure!(said == *wanted, "{said}");
        let late = "select payload -> 'lateness_ms' from reminders.outbox_events where aggregate_id = $1 and event_type = 'reminder.due'";
        let late = self.database.json(late, &[&reminder]).await?.as_i64().context("a lateness")?;
        ensure!((0..LATEST).contains(&late) && now() >= at, "{late} ms late");
        Ok(())
    }

    async fn on_time_moved_and_cancelled(&self) -> Result<()> {
        let (first, later) = (now() + TimeDelta::seconds(12), now() + TimeDelta::seconds(16));
        let far = now() + TimeDelta::hours(1);
        let titles = ["left", "put off", "completed", "deleted", "cleared", "back"];
        let all = try_join_all(titles.map(|title| self.set(first, title))).await?;
        let [left, put_off, completed, deleted, cleared, back] = <[_; 6]>::try_from(all).ok().context("six")?;
        let sooner = self.set(far, "sooner").await?;
        let stored = self.job(&left.2).await?.context("it stands")?;
        let due: DateTime<Utc> = serde_json::from_value(stored["dueTime"].clone())?;
        ensure!(due == first, "{stored}");

        for moved in [&put_off, &sooner] {
            let body = json!({ "due_at": later + TimeDelta::minutes(1) });
            self.person.patch(&format!("/tasks/{}", moved.0), &body).await?.is(200)?;
        }
        self.person.complete(completed.0).await?;
        self.person.delete(&format!("/tasks/{}", deleted.0)).await?.is(204)?;
        self.person.patch(&format!("/tasks/{}", cleared.0), &json!({ "due_at": null })).await?.is(200)?;
        self.person.complete(back.0).await?;
        shows(self.person, back.0, SOON, &[(1, "cancelled")]).await?;
        self.person.patch(&format!("/tasks/{}", back.0), &json!({ "status": "todo" })).await?.is(200)?;
        shows(self.person, back.0, SOON, &[(1, "scheduled")]).await?;
        ensure!(now() < first, "all this took too long");

        let [set, due, gone] = ["reminder.scheduled", "reminder.due", "reminder.cancelled"];
        self.fired(left.1, first, &json!([set, due])).await.context("left")?;
        self.fired(back.1, first, &json!([set, gone, set, due])).await.context("back")?;
        for (title, moved) in [("put off", &put_off), ("sooner", &sooner)] {
            let mut wanted = [(1, "cancelled"), (1, "triggered")];
            if title == "sooner" {
                wanted.reverse();
            }
            let list = shows(self.person, moved.0, TOLD, &wanted).await.context(title)?;
            let fired = list.iter().find(|each| each["delivery_status"] == "triggered").context("one has fired")?;
            ensure!(fired["remind_at"] == json!(later), "{fired}");
            self.fired(id(fired)?, later, &json!([set, due])).await.context(title)?;
        }
        for cancelled in [&put_off, &sooner, &completed, &deleted, &cleared] {
            let said = events(self.database, cancelled.1).await?;
            ensure!(said == json!([set, gone]), "{said}");
            self.is_gone(&cancelled.2).await?;
        }
        // A time that is past already, of a task that is not. No other job is due, whose call would fire it too.
        let past = json!({ "title": "past", "due_at": far, "reminder_offset_minutes": 120 });
        let past = self.person.create_task(&past).await?.id;
        shows(self.person, past, TOLD, &[(120, "triggered")]).await.context("past")?;
        Ok(())
    }

    /// Reminders come due one after the other, and both instances are killed in the middle of it.
    async fn while_instances_die(&self) -> Result<()> {
        let (reminders, within) = if is_long() { LONG } else { SHORT };
        let first = now() + TimeDelta::seconds(6);
        let tasks = try_join_all((0..reminders).map(|number| async move {
            let remind_at = first + within * number / reminders;
            anyhow::Ok(self.person.create_task(&to_tell_at(remind_at, &format!("number {number}"))).await?.id)
        }))
        .await?;
        let all = i64::from(reminders);
        let due = "select count(*) from reminders.outbox_events e join reminders.reminders r on r.id = e.aggregate_id
                   where r.task_id = any ($1) and e.event_type = 'reminder.due'";
        for (part, share) in [("reminders", 3), ("reminders-1", 2)] {
            let some = async || Ok((self.database.count(due, &[&tasks]).await? >= all / share).then_some(()));
            eventually("some have fired", within.to_std()? + TOLD, some).await?;
            self.suite.stack().kill9(part).await?;
        }
        let fired = async || Ok((self.database.count(due, &[&tasks]).await? >= all).then_some(()));
        eventually("all have fired", within.to_std()? + TOLD, fired).await?;
        let books = "select jsonb_build_object(
              'events', count(*), 'reminders', count(distinct e.aggregate_id),
              'early', count(*) filter (where e.created_at < r.remind_at), 'latest', max((e.payload ->> 'lateness_ms')::bigint))
            from reminders.outbox_events e join reminders.reminders r on r.id = e.aggregate_id
            where r.task_id = any ($1) and e.event_type = 'reminder.due'";
        let found = self.database.json(books, &[&tasks]).await?;
        let latest = found["latest"].as_i64().context("a lateness")?;
        ensure!(found == json!({ "events": all, "reminders": all, "early": 0, "latest": latest }), "{found} of {all}");
        ensure!(latest < LATEST, "{latest} ms late");
        self.suite.stack().wait_ready(SOON).await
    }

    /// Away, one after the other: the scheduler and the app while a reminder is set, the scheduler and tasks while its time comes.
    async fn while_parts_are_away(&self) -> Result<()> {
        let stack = self.suite.stack();
        let said = json!(["reminder.scheduled", "reminder.due"]);
        stack.stop("scheduler").await?;
        let remind_at = now() + TimeDelta::seconds(2);
        let task = self.person.create_task(&to_tell_at(remind_at, "no scheduler")).await?.id;
        let reminder = id(&shows(self.person, task, SOON, &[(1, "scheduled")]).await?[0])?;
        let until = "select jsonb_build_array(job, job_until) from reminders.reminders where id = $1";
        let tried = async |what: &str, before: Option<Value>| {
            eventually(what, SOON, async || {
                let row = self.database.json(until, &[&reminder]).await?;
                ensure!(row[0].is_null(), "its job stands where nothing can: {row}");
                Ok(Some(row[1].clone()).filter(|until| !until.is_null() && before.as_ref() != Some(until)))
            })
            .await
        };
        let first = tried("it was tried", None).await?;
        // The second time the instances die while they try.
        tried("what failed is tried again", Some(first)).await?;
        try_join_all(["reminders", "reminders-1"].map(|part| stack.kill9(part))).await?;
        stack.start_part("scheduler").await?;
        let status = "select to_jsonb(delivery_status) from reminders.reminders where id = $1";
        eventually("it fires", TOLD, async || Ok((self.database.json(status, &[&reminder]).await? == "triggered").then_some(())))
            .await?;
        ensure!(events(self.database, reminder).await? == said, "fired otherwise than once");

        stack.wait_ready(SOON).await?;
        let remind_at = now() + TimeDelta::seconds(4);
        let (_, reminder, _) = self.set(remind_at, "killed scheduler").await?;
        stack.kill9("scheduler").await?;
        eventually("it fires", TOLD, async || Ok((self.database.json(status, &[&reminder]).await? == "triggered").then_some(())))
            .await?;
        ensure!(events(self.database, reminder).await? == said, "fired otherwise than once");

        stack.wait_ready(SOON).await?;
        let (_, reminder, _) = self.set(now() + TimeDelta::seconds(4), "no tasks").await?;
        stack.stop("tasks").await?;
        let waits = "select count(*) from reminders.reminders where id = $1 and delivery_status = 'scheduled' and attempts >= 2";
        eventually("two calls took it and gave it back", TOLD, async || {
            Ok((self.database.count(waits, &[&reminder]).await? == 1).then_some(()))
        })
        .await?;
        stack.start_part("tasks").await?;
        eventually("it fires", TOLD, async || Ok((self.database.json(status, &[&reminder]).await? == "triggered").then_some(())))
            .await?;
        ensure!(events(self.database, reminder).await? == said, "fired otherwise than once");
        stack.wait_ready(SOON).await
    }

    /// Every job and many ticks of the clock come at the same moment.
    async fn beside_the_clock(&self) -> Result<()> {
        let remind_at = now() + TimeDelta::seconds(20);
        let tasks = try_join_all((0..MANY).map(|number| async move {
            anyhow::Ok(self.person.create_task(&to_tell_at(remind_at, &format!("both {number}"))).await?.id)
        }))
        .await?;
        let stand = "select count(*) from reminders.reminders where task_id = any ($1) and job = version";
        eventually("all jobs stand", Duration::from_secs(15), async || {
            Ok((self.database.count(stand, &[&tasks]).await? == i64::try_from(MANY)?).then_some(()))
        })
        .await?;
        ensure!(now() < remind_at, "all this took too long");
        let called = async || metrics::total(self.suite, "reminders", "http_requests_total", &[("route", "/job/{name}")]).await;
        let before = called().await?;
        let fired = "select count(*) from reminders.reminders where task_id = any ($1) and delivery_status = 'triggered'";
        eventually("all have fired", TOLD, async || {
            tick(self.suite).await?;
            Ok((self.database.count(fired, &[&tasks]).await? == i64::try_from(MANY)?).then_some(()))
        })
        .await?;
        // Not each of them: where a tick was faster, the job is taken away.
        eventually("jobs were called", TOLD, async || Ok((called().await? > before).then_some(()))).await?;
        let once = "select count(*) from reminders.outbox_events e join reminders.reminders r on r.id = e.aggregate_id
                    where r.task_id = any ($1) and e.event_type = 'reminder.due'";
        let said = self.database.count(once, &[&tasks]).await?;
        ensure!(said == i64::try_from(MANY)?, "{said} events of {MANY} reminders");
        Ok(())
    }

    /// What has fired or was cancelled has no job.
    async fn nothing_is_left(&self) -> Result<()> {
        let left = "select count(*) from reminders.reminders where job is not null";
        eventually("no row has a job", SOON, async || Ok((self.database.count(left, &[]).await? == 0).then_some(()))).await
    }
}
