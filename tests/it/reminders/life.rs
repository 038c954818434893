//! One reminder from being set to having been told: what its owner is shown, and what the logs say.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::Suite;
use uuid::Uuid;

use super::{SOON, TOLD, id, now, shows, to_tell_at};
use crate::notifications::Reader;

#[tokio::test]
async fn flow_a_reminder_is_shown_through_its_whole_life_and_the_logs_tell_it_by_task() -> Result<()> {
    let suite = Suite::shared().await?;
    if !suite.runs("reminders") || !suite.runs("notifications") {
        return Ok(());
    }
    let reader = Reader::new(&suite, [true, true, true]).await?;
    let person = &reader.person;
    // Twice "busy" holds the reminder between its time and its end for three seconds.
    suite.stack().smtp_refuse_to(&reader.email, 2, "451 4.3.0 try again later");
    let remind_at = now() + TimeDelta::seconds(3);
    let task = person.create_task(&to_tell_at(remind_at, "Submit report")).await?.id;
    person.post(&format!("/tasks/{task}/reminders"), &json!({ "offset_minutes": 0 })).await?.is(201)?;

    let set = shows(person, task, SOON, &[(1, "scheduled"), (0, "scheduled")]).await?;
    ensure!(set[0]["remind_at"] == json!(remind_at) && set[0]["due_at"] == json!(remind_at + TimeDelta::minutes(1)), "{set:?}");
    ensure!(set[0]["channel_results"] == json!({}), "{set:?}");
    let told = shows(person, task, TOLD, &[(1, "triggered"), (0, "scheduled")]).await?;
    ensure!(told[0]["channel_results"] == json!({}), "{told:?}");
    let ended = shows(person, task, TOLD, &[(1, "delivered"), (0, "scheduled")]).await?;
    ensure!(ended[0]["channel_results"] == json!({ "in_app": "sent", "email": "sent", "sms": "sent" }), "{ended:?}");
    for field in ["id", "task_id", "remind_at", "due_at", "offset_minutes", "created_at"] {
        ensure!(ended[0][field] == set[0][field], "{field} changed: {set:?} {ended:?}");
    }

    let lines = lines_of(&suite, task)?;
    let reminder = id(&ended[0])?;
    for line in &lines {
        let story = [("user_id", person.user_id), ("task_id", task), ("reminder_id", reminder)];
        ensure!(story.iter().all(|(name, id)| line[*name] == id.to_string()), "{line}");
        ensure!(line["lateness_ms"].as_i64().is_some_and(|late| late >= 0), "{line}");
    }
    let told: Vec<[&str; 3]> = lines
        .iter()
        .filter(|line| line["outcome"] != "pending")
        .map(|line| ["service", "channel", "outcome"].map(|name| line[name].as_str().unwrap_or("-")))
        .collect();
    let count = |wanted: [&str; 3]| told.iter().filter(|found| **found == wanted).count();
    for (wanted, times) in [
        (["reminders", "-", "triggered"], 1),
        (["notifications", "in_app", "sent"], 1),
        (["notifications", "sms", "sent"], 1),
        (["notifications", "email", "failed"], 2),
        (["notifications", "email", "sent"], 1),
    ] {
        ensure!(count(wanted) == times, "{times} times {wanted:?} in {told:?}");
    }
    person.delete(&format!("/tasks/{task}")).await?.is(204)?;
    suite.settled(&[person.tenant_id]).await
}

/// Every line of reminders and notifications that names the task and what became of a reminder's time or message.
fn lines_of(suite: &Suite, task: Uuid) -> Result<Vec<Value>> {
    let (task, mut found) = (task.to_string(), Vec::new());
    for instance in suite.stack().instances().iter().filter(|each| ["reminders", "notifications"].contains(&each.app.as_str())) {
        let log = std::fs::read_to_string(&instance.log).with_context(|| instance.part())?;
        for line in log.lines().filter(|line| line.contains(&task) && line.contains("\"lateness_ms\"")) {
            found.push(serde_json::from_str(line).with_context(|| line.to_owned())?);
        }
    }
    Ok(found)
}
