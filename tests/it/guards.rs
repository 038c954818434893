//! Guards are real: each has a test that fails when it is taken out.
//!
//! How that was tried: `scripts/mutate.sh --all` takes each guard of `tests/guards.txt` out of a copy of the repository, one line at a
//! time, runs the test named there and nothing else, and wants it to fail with the words that stand in its last column. A guard whose
//! test stays green, or fails for another reason, or whose line has gone, is an error of that script.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};
use tests::database::Database;
use tests::person::token;
use tests::{Person, Suite, eventually, story};
use uuid::Uuid;

use crate::doors::inner;

/// Soon after a write, its effects are there.
const SOON: Duration = Duration::from_secs(60);
/// The reminders of these tasks fall due in the same second.
const MANY: i64 = 60;

/// The statement that makes the change also writes its event, so one that cannot be written takes the change with it. A trigger of the
/// administrator's stands in for whatever may keep the event from being written; it sees this story's tenant only.
#[tokio::test]
async fn contract_a_change_without_its_event_is_no_change() -> Result<()> {
    story(async |suite, person| {
        let database = Database::of(&suite).await?;
        let before = person.create_task(&json!({ "title": "before" })).await?;
        let events = "select count(*) from tasks.outbox_events where aggregate_id = $1 and event_type = 'task.created'";
        ensure!(database.count(events, &[&before.id]).await? == 1, "a task without an event: {}", before.id);

        let name = format!("refuse_{}", person.tenant_id.simple());
        let refuse = format!(
            "create function tasks.{name}() returns trigger language plpgsql as $$ begin raise exception 'no event'; end $$;
             create trigger {name} before insert on tasks.outbox_events for each row
             when (new.payload -> 'metadata' ->> 'tenant_id' = '{}') execute function tasks.{name}();",
            person.tenant_id
        );
        database.client().batch_execute(&refuse).await?;
        let made = person.post("/tasks", &json!({ "title": "after" })).await;
        let completed = person.post(&format!("/tasks/{}/complete", before.id), &json!({})).await;
        let forget = format!("drop trigger {name} on tasks.outbox_events; drop function tasks.{name}();");
        database.client().batch_execute(&forget).await?;

        made?.is(500).context("a task without an event")?;
        completed?.is(500).context("a completion without an event")?;
        let page = person.list("").await?;
        ensure!(page.total == 1 && page.items[0] == before, "a task without an event: {page:?}");
        Ok(())
    })
    .await
}

/// Handled again after everything but the inbox has forgotten it, which is what a replay is, an event is a duplicate.
#[tokio::test]
async fn contract_an_event_that_comes_twice_takes_effect_once() -> Result<()> {
    story(async |suite, person| {
        let event = inner::user_changed(&person);
        let id: Uuid = serde_json::from_value(event["id"].clone())?;
        let database = Database::of(&suite).await?;
        for app in ["tasks", "notifications", "audit"].into_iter().filter(|app| suite.runs(app)) {
            let effect = async || replay(&suite, app, "user-events", &event).await;
            ensure!(effect().await? == "done", "{app} did not handle {event}");
            for _ in 0..3 {
                let effect = effect().await?;
                ensure!(effect == "duplicate", "in {app} the event took effect twice: {effect}");
            }
            let inbox = format!("select count(*) from {app}.processed_events where event_id = $1");
            ensure!(database.count(&inbox, &[&id]).await? == 1, "{app}'s inbox");
        }
        if suite.runs("audit") {
            let rows = database.count("select count(*) from audit.audit_logs where event_id = $1", &[&id]).await?;
            ensure!(rows == 1, "in audit the event took effect twice: {rows} rows");
        }
        Ok(())
    })
    .await
}

/// Handles an event as a dead letter that is sent once more, and gives what came of it.
async fn replay(suite: &Suite, app: &str, topic: &str, event: &Value) -> Result<String> {
    let instance = suite.stack().instance(app, 0)?;
    let bearer = token(suite, |claims| {
        (claims.user_id, claims.tenant_id, claims.sub) = (None, None, "audit".to_owned());
        claims.scope = format!("internal:{app}");
    })?;
    let url = format!("http://127.0.0.1:{}/internal/replay/{topic}", instance.app_port);
    let request = suite.client().post(url).bearer_auth(bearer).header("dapr-api-token", &instance.app_api_token);
    let answer: Value = request.json(event).send().await?.error_for_status()?.json().await?;
    Ok(answer["effect"].as_str().unwrap_or_default().to_owned())
}

/// Every instance is told at once, again and again, that time has passed: each reminder is claimed by one of them, once.
#[tokio::test]
async fn contract_a_reminder_is_claimed_by_one_instance() -> Result<()> {
    let suite = Suite::shared().await?;
    if !suite.runs("reminders") {
        return Ok(());
    }
    let person = Person::signed_up(suite.clone()).await?;
    let database = Database::of(&suite).await?;
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let due_at = now + TimeDelta::seconds(60 + 8);
    for number in 0..MANY {
        let body = json!({ "title": format!("Task {number}"), "due_at": due_at, "reminder_offset_minutes": 1 });
        person.create_task(&body).await?;
    }
    let count = async |sql: &str| database.count(&sql.replace("OWN", "user_id = $1"), &[&person.user_id]).await;
    let instances = suite.stack().instances().iter().filter(|instance| instance.app == "reminders").count();
    ensure!(instances > 1, "one instance alone claims what it likes");
    eventually("all reminders fire", SOON, async || {
        tick(&suite).await?;
        let fired =
            count("select count(*) from reminders.reminders where OWN and delivery_status not in ('scheduled', 'cancelled')")
                .await?;
        Ok((fired == MANY).then_some(()))
    })
    .await?;
    let claims = count("select coalesce(sum(attempts), 0)::bigint from reminders.reminders where OWN").await?;
    ensure!(claims == MANY, "{MANY} reminders were claimed more than once: {claims} claims");
    let events = "select count(*) from reminders.outbox_events where event_type = 'reminder.due' and payload -> 'metadata' ->> 'user_id' = $1";
    let fired = database.count(events, &[&person.user_id.to_string()]).await?;
    ensure!(fired == MANY, "{MANY} reminders fired {fired} times");
    suite.settled(&[person.tenant_id]).await
}

/// A reminder whose time has come, but which an instance holds, is nobody else's until that instance's time is over. The administrator
/// writes the claim of an instance that is alive and slow.
#[tokio::test]
async fn contract_a_reminder_that_is_held_is_left_alone_until_its_lease_ends() -> Result<()> {
    let suite = Suite::shared().await?;
    if !suite.runs("reminders") {
        return Ok(());
    }
    let person = Person::signed_up(suite.clone()).await?;
    let database = Database::of(&suite).await?;
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let body = json!({ "title": "held", "due_at": now + TimeDelta::seconds(60 + 5), "reminder_offset_minutes": 1 });
    let task = person.create_task(&body).await?.id;
    let hold = async |until: &str| {
        let sql =
            format!("update reminders.reminders set claimed_by = gen_random_uuid(), claimed_until = {until} where task_id = $1");
        anyhow::Ok(database.client().execute(&sql, &[&task]).await?)
    };
    let state = async || {
        let sql =
            "select jsonb_build_array(delivery_status, attempts, remind_at < now()) from reminders.reminders where task_id = $1";
        database.json(sql, &[&task]).await
    };
    eventually("the reminder is set", SOON, async || Ok((hold("now() + interval '1 hour'").await? == 1).then_some(()))).await?;
    eventually("its time has come", SOON, async || Ok((state().await?[2] == true).then_some(()))).await?;
    for _ in 0..3 {
        tick(&suite).await?;
    }
    let held = state().await?;
    ensure!(held == json!(["scheduled", 0, true]), "a held reminder was claimed: {held}");
    hold("now() - interval '1 second'").await?;
    eventually("it fires after the lease", SOON, async || {
        tick(&suite).await?;
        Ok((state().await?[0] != "scheduled").then_some(()))
    })
    .await?;
    ensure!(state().await?[1] == 1, "claimed once: {}", state().await?);
    suite.settled(&[person.tenant_id]).await
}

/// Every instance of reminders is told, several times at once, that time has passed.
pub(crate) async fn tick(suite: &Suite) -> Result<()> {
    let instances = suite.stack().instances().iter().filter(|instance| instance.app == "reminders");
    let ticks = instances.flat_map(|instance| [instance; 4]).map(|instance| {
        let url = format!("http://127.0.0.1:{}/jobs/reminder-trigger", instance.app_port);
        suite.client().post(url).header("dapr-api-token", &instance.app_api_token).send()
    });
    for answer in futures::future::try_join_all(ticks).await? {
        answer.error_for_status()?;
    }
    Ok(())
}

/// A token that the gateway refuses is not shown to any app: no app has an access line of the request.
#[tokio::test]
async fn contract_the_gateway_itself_refuses_a_bad_token() -> Result<()> {
    story(async |suite, person| {
        let expired = person.with_token(|claims| claims.exp -= 2 * 3600)?;
        let (bad, good) = (format!("bad-{}", Uuid::new_v4().simple()), format!("good-{}", Uuid::new_v4().simple()));
        expired.send(Method::GET, "/tasks", &[("x-correlation-id", &bad)], None).await?.is(401)?;
        person.send(Method::GET, "/tasks", &[("x-correlation-id", &good)], None).await?.is(200)?;
        let log = &suite.stack().instance("tasks", 0)?.log;
        let lines = eventually("the good request's access line", SOON, async || {
            let lines = std::fs::read_to_string(log)?;
            Ok(lines.contains(&good).then_some(lines))
        })
        .await?;
        ensure!(!lines.contains(&bad), "a bad token went past the gateway");
        Ok(())
    })
    .await
}

/// The list of guards can be trusted: its patches still take something out, and its tests exist.
#[test]
fn contract_every_guard_on_the_list_has_its_line_and_its_test() -> Result<()> {
    let root = stack::find_root(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let list = std::fs::read_to_string(root.join("tests/guards.txt"))?;
    let mut names = BTreeSet::new();
    for line in list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let fields: Vec<&str> = line.split(" :: ").map(str::trim).collect();
        let [name, test, _, file, patch, words] = fields[..] else { anyhow::bail!("{line}: {} fields, not 6", fields.len()) };
        ensure!(names.insert(name), "{name} stands twice on the list");
        let source = root.join(file);
        let patched = std::process::Command::new("sed").arg("-n").arg(format!("{patch}p")).arg(&source).output()?;
        ensure!(
            String::from_utf8_lossy(&patched.stdout).lines().count() == 1,
            "{name}: {patch} does not change one line of {file}"
        );
        let (module, function) = test.rsplit_once("::").context("module::test")?;
        let source = std::fs::read_to_string(root.join(format!("tests/it/{}.rs", module.replace("::", "/"))))?;
        ensure!(source.contains(&format!("fn {function}()")), "{name}: there is no test {test}");
        ensure!(!words.is_empty(), "{name}: what does its failure say?");
    }
    for wanted in ["outbox", "inbox", "claim", "lease", "token-gateway", "token-app", "sidecar-token", "hostile-path"] {
        ensure!(names.contains(wanted), "{wanted} is not on the list");
    }
    Ok(())
}
