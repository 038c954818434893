//! What is counted is what happened, by those who follow tasks: recurrence, reminders, and notifications.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use contracts::topic::{REMINDERS, TASK_EVENTS, TASK_UPDATES, USER_EVENTS};
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually};

use super::counts::{becomes, event, publish};
use super::{SOON, alone, now, options};
use crate::reminders::to_tell_at;

/// What is done in this run: tasks that wait for their reminder, of these completed and deleted before it; tasks whose reminder is told;
/// recurring tasks that are completed.
const WAITING: usize = 6;
const COMPLETED: usize = 2;
const DELETED: usize = 2;
const TOLD: usize = 3;
const RECURRING: usize = 2;
/// How often an event comes again.
const AGAIN: usize = 7;
/// Who follows which topic.
const FOLLOWERS: [(&str, &[&str]); 3] = [
    (TASK_EVENTS, &["recurrence", "reminders"]),
    (REMINDERS, &["reminders", "notifications"]),
    (USER_EVENTS, &["tasks", "notifications"]),
];
/// What the apps cannot write, whatever they try, of tasks with these names.
const POISON: &str = "create function public.poison() returns trigger language plpgsql as
    $$ begin raise exception 'the ink is dry'; end $$;
  grant usage on schema public to tasks, reminders, notifications;
  create trigger poison before insert on tasks.tasks for each row
    when (new.title = 'bad for recurrence' and new.occurrence > 1) execute function public.poison();
  create trigger poison before insert on reminders.task_schedule for each row
    when (new.title = 'bad for reminders') execute function public.poison();
  create trigger poison before insert on notifications.notifications for each row
    when (new.title = 'bad for notifications') execute function public.poison()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_counts_of_those_who_follow_tasks_are_those_of_the_run() -> Result<()> {
    let apps = ["identity", "tasks", "recurrence", "reminders", "notifications", "gateway"];
    alone(options("tally", &apps)?, run).await
}

async fn run(suite: &Suite) -> Result<()> {
    let person = Person::signed_up(suite.clone()).await?;
    handled(suite, USER_EVENTS, "user.changed", 1).await?;
    let tomorrow = now() + TimeDelta::days(1);
    let daily = json!({ "title": "a", "due_at": tomorrow, "recurrence_pattern": { "pattern_type": "daily" } });
    let (mut waiting, mut recurring) = (Vec::new(), Vec::new());
    for _ in 0..WAITING {
        let body = json!({ "title": "b", "due_at": tomorrow, "reminder_offset_minutes": 5 });
        waiting.push(person.create_task(&body).await?.id);
    }
    for _ in 0..TOLD {
        person.create_task(&to_tell_at(now() + TimeDelta::seconds(2), "c")).await?;
    }
    for _ in 0..RECURRING {
        recurring.push(person.create_task(&daily).await?.id);
    }
    // What is taken away before it was set never was.
    published(suite, "reminders", REMINDERS, "reminder.scheduled", WAITING + TOLD).await?;
    for id in waiting[..COMPLETED].iter().chain(&recurring) {
        person.complete(*id).await?;
    }
    for id in &waiting[COMPLETED..COMPLETED + DELETED] {
        person.delete(&format!("/tasks/{id}")).await?.is(204)?;
    }

    let of_tasks = [
        ("task.created", WAITING + TOLD + 2 * RECURRING),
        ("task.completed", COMPLETED + RECURRING),
        ("task.deleted", DELETED),
        ("task.recurred", RECURRING),
    ];
    for (event_type, count) in of_tasks {
        published(suite, "tasks", TASK_EVENTS, event_type, count).await?;
        handled(suite, TASK_EVENTS, event_type, count).await?;
    }
    let of_reminders = [
        ("reminders", "reminder.scheduled", WAITING + TOLD),
        ("reminders", "reminder.cancelled", COMPLETED + DELETED),
        ("reminders", "reminder.due", TOLD),
        ("notifications", "reminder.delivered", TOLD),
    ];
    for (app, event_type, count) in of_reminders {
        published(suite, app, REMINDERS, event_type, count).await?;
        handled(suite, REMINDERS, event_type, count).await?;
    }
    published(suite, "notifications", TASK_UPDATES, "task.update", TOLD).await?;
    becomes(suite, "recurrence", "tasks_recurred_total", &[], RECURRING).await?;
    for app in ["tasks", "recurrence", "reminders", "notifications"] {
        for name in ["events_duplicate_total", "event_processing_failures_total", "dlq_messages_total"] {
            becomes(suite, app, name, &[], 0).await?;
        }
    }

    once_more(suite).await?;
    unreadable(suite, &person).await?;
    poisoned(suite, &person, &daily).await
}

/// Waits until an app has published as many.
async fn published(suite: &Suite, app: &str, topic: &str, event_type: &str, count: usize) -> Result<()> {
    let labels = [("topic", topic), ("event_type", event_type), ("result", "ok")];
    becomes(suite, app, "events_published_total", &labels, count).await
}

/// Waits until each who follows the topic has handled as many.
async fn handled(suite: &Suite, topic: &str, event_type: &str, count: usize) -> Result<()> {
    for (_, apps) in FOLLOWERS.iter().filter(|(followed, _)| *followed == topic) {
        for app in *apps {
            let labels = [("topic", topic), ("event_type", event_type), ("app", app)];
            becomes(suite, app, "event_processing_duration_seconds_count", &labels, count).await?;
        }
    }
    Ok(())
}

/// One event of each topic comes again and again: whoever it had an effect in counts each time, and nothing else is counted.
async fn once_more(suite: &Suite) -> Result<()> {
    let database = Database::of(suite).await?;
    let recurred = "select payload from tasks.outbox_events where event_type = 'task.completed'
                    and payload -> 'task_snapshot' ->> 'series_id' is not null limit 1";
    let due = "select payload from reminders.outbox_events where event_type = 'reminder.due' limit 1";
    for (topic, sql, effective) in
        [(TASK_EVENTS, recurred, &["recurrence", "reminders"][..]), (REMINDERS, due, &["notifications"])]
    {
        let data = database.json(sql, &[]).await?;
        let again = json!({
            "specversion": "1.0", "id": data["event_id"], "type": data["event_type"], "source": data["metadata"]["source"],
            "datacontenttype": "application/json", "data": data,
        });
        for _ in 0..AGAIN {
            publish(suite, topic, &again).await?;
        }
        for app in effective {
            becomes(suite, app, "events_duplicate_total", &[("topic", topic)], AGAIN).await?;
        }
    }
    published(suite, "reminders", REMINDERS, "reminder.due", TOLD).await?;
    published(suite, "notifications", TASK_UPDATES, "task.update", TOLD).await?;
    becomes(suite, "recurrence", "tasks_recurred_total", &[], RECURRING).await
}

/// One event that cannot be read at all and one that says nothing that is known: each follower gives each up once, and counts it as what it is.
async fn unreadable(suite: &Suite, person: &Person) -> Result<()> {
    let of_task = [json!({ "schema_version": "9.0" }), json!({ "event_type": "task.completed", "task_id": 7 })];
    let of_reminder = [
        json!({ "schema_version": "9.0", "event_type": "reminder.due" }),
        json!({ "event_type": "reminder.due", "reminder_id": 7 }),
    ];
    let of_user =
        [json!({ "schema_version": "9.0", "event_type": "user.changed" }), json!({ "event_type": "user.changed", "user": 7 })];
    for (topic, both) in [(TASK_EVENTS, of_task), (REMINDERS, of_reminder), (USER_EVENTS, of_user)] {
        for own in both {
            publish(suite, topic, &event(person, own)).await?;
        }
        for (_, apps) in FOLLOWERS.iter().filter(|(followed, _)| *followed == topic) {
            for app in *apps {
                for reason in ["undecodable", "permanent"] {
                    becomes(suite, app, "dlq_messages_total", &[("topic", topic), ("reason", reason)], 1).await?;
                }
                let labels = [("topic", topic), ("reason", "failed")];
                becomes(suite, app, "event_processing_failures_total", &labels, 1).await?;
            }
        }
    }
    Ok(())
}

/// One event for each app that it cannot handle: three failures and a dead letter are counted there, and nowhere else.
async fn poisoned(suite: &Suite, person: &Person, daily: &Value) -> Result<()> {
    let database = Database::of(suite).await?;
    database.client().batch_execute(POISON).await?;
    let named = |name: &str, body: &Value| {
        let mut body = body.clone();
        body["title"] = json!(name);
        body
    };
    let for_recurrence = person.create_task(&named("bad for recurrence", daily)).await?;
    person.complete(for_recurrence.id).await?;
    person.create_task(&named("bad for reminders", daily)).await?;
    person.create_task(&to_tell_at(now() + TimeDelta::seconds(2), "bad for notifications")).await?;
    for (app, topic) in [("recurrence", TASK_EVENTS), ("reminders", TASK_EVENTS), ("notifications", REMINDERS)] {
        becomes(suite, app, "dlq_messages_total", &[("topic", topic), ("reason", "attempts")], 1).await?;
        // One more was of what could not be read.
        let labels = [("topic", topic), ("reason", "failed")];
        becomes(suite, app, "event_processing_failures_total", &labels, 3 + 1).await?;
    }
    eventually("each is on its topic of dead letters", SOON, async || {
        let mut found = Vec::new();
        for topic in [TASK_EVENTS, REMINDERS] {
            let letters = tests::broker::messages(suite, &contracts::topic::dead_letters_of(topic)).await?;
            found.extend(letters.iter().filter_map(|stood| Some(stood.message["data"]["app"].as_str()?.to_owned())));
        }
        found.sort_unstable();
        let wanted = [vec!["notifications"; 3], vec!["recurrence"; 3], vec!["reminders"; 5]].concat();
        ensure!(found == wanted, "{found:?}");
        Ok(Some(()))
    })
    .await
}
