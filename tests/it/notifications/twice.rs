//! The same event many times, over all instances at once, is one message a channel.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::database::Database;
use tests::eventually;
use uuid::Uuid;

use super::{Reader, suite};
use crate::reminders::{SOON, id, now, shows};

/// Copies of one event, of which as many as possible arrive before any was handled.
const COPIES: usize = 10;

#[tokio::test]
async fn flow_ten_copies_of_one_event_over_two_instances_send_one_message_a_channel() -> Result<()> {
    let Some(suite) = suite().await? else { return Ok(()) };
    let reader = Reader::new(&suite, [true, true, true]).await?;
    let due_at = now() + TimeDelta::hours(2);
    let body = json!({ "title": "Submit report", "due_at": due_at, "reminder_offset_minutes": 60 });
    let task = reader.person.create_task(&body).await?.id;
    let reminder = id(&shows(&reader.person, task, SOON, &[(60, "scheduled")]).await?[0])?;

    let instances: Vec<_> = suite.stack().instances().iter().filter(|instance| instance.app == "notifications").collect();
    ensure!(instances.len() > 1, "one instance alone cannot race");
    // As each sidecar hands it over: the same event, and then the same reminder under another event's id.
    let (first, second) = (due(&reader, task, reminder), due(&reader, task, reminder));
    for event in [&first, &second] {
        let copies = instances.iter().cycle().take(COPIES).map(async |instance| {
            let url = format!("http://127.0.0.1:{}/events/reminders", instance.app_port);
            let request = suite.client().post(url).header("dapr-api-token", &instance.app_api_token).json(event);
            anyhow::Ok(request.send().await?.error_for_status()?.json::<Value>().await?)
        });
        for answer in try_join_all(copies).await? {
            ensure!(answer["status"] == "SUCCESS", "{answer}");
        }
    }
    let database = Database::of(&suite).await?;
    let pending = "select count(*) from notifications.notifications where reminder_id = $1 and status = 'pending'";
    eventually("nothing is left to send", SOON, async || Ok((database.count(pending, &[&reminder]).await? == 0).then_some(())))
        .await?;
    let books =
        "select jsonb_object_agg(n.channel, (select count(*) from notifications.attempts a where a.notification_id = n.id))
                 from notifications.notifications n where reminder_id = $1";
    let attempts = database.json(books, &[&reminder]).await?;
    ensure!(attempts == json!({ "in_app": 0, "email": 1, "sms": 1 }), "{attempts}");
    let told = [reader.notes().await?.len(), reader.mails().len(), reader.texts().len()];
    ensure!(told == [1, 1, 1], "in the page, by mail, by SMS: {told:?}");
    let mail = reader.mails().pop().context("a mail")?.content.replace("=\r\n", "");
    ensure!(mail.contains(&format!("ref: {reminder}-email")), "{mail}");
    suite.settled(&[reader.person.tenant_id]).await
}

/// The event that a reminder's time has come, with an id of its own.
fn due(reader: &Reader, task: Uuid, reminder: Uuid) -> Value {
    let (id, now, person) = (Uuid::now_v7(), now(), &reader.person);
    json!({
        "id": id, "specversion": "1.0", "type": "reminder.due", "source": "reminders", "topic": "reminders", "pubsubname": "pubsub",
        "data": {
            "event_id": id, "schema_version": "1.0", "occurred_at": now, "event_type": "reminder.due",
            "metadata": {
                "correlation_id": format!("copies-{reminder}"), "source": "reminders", "user_id": person.user_id,
                "tenant_id": person.tenant_id, "key": reminder, "sequence": 2,
            },
            "reminder_id": reminder, "task_id": task, "remind_at": now, "due_at": now + TimeDelta::hours(1), "offset_minutes": 60,
            "title": "Submit report", "lateness_ms": 0,
        },
    })
}
