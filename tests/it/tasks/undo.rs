//! A change is taken back exactly, unless another came after it.

use anyhow::{Result, ensure};
use contracts::task::Task;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, story};
use uuid::Uuid;

async fn undo(person: &Person, id: Uuid, version: i64) -> Result<Answer> {
    person.send(Method::POST, &format!("/tasks/{id}/undo"), &[("if-match", &format!("\"{version}\""))], None).await
}

/// A task without what every change moves on.
fn still(task: &Task) -> Task {
    Task { version: 0, updated_at: task.created_at, ..task.clone() }
}

#[tokio::test]
async fn flow_a_change_is_taken_back_in_every_field_also_of_a_series() -> Result<()> {
    story(async |_, person| {
        let monthly = json!({ "pattern_type": "monthly", "interval": 1, "day_of_month": 31, "end_type": "never" });
        let weekly = json!({ "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO"], "end_type": "never" });
        let full = json!({
            "title": "Rent", "description": "d", "priority": "low", "due_at": "2031-01-31T09:00:00Z", "reminder_offset_minutes": 60,
            "tag_names": ["Home", "money"], "recurrence_pattern": monthly,
        });
        let (rent, plain) = (person.create_task(&full).await?, person.create_task(&json!({ "title": "Plain" })).await?);
        // The second of the series: its date is not where the dates begin.
        person.complete(rent.id).await?;
        let rent = tests::eventually("the rent comes again", std::time::Duration::from_secs(60), async || {
            Ok(person.list("?search=rent&status=todo").await?.items.into_iter().find(|task| task.occurrence == Some(2)))
        })
        .await?;
        ensure!(rent.due_at == Some("2031-02-28T09:00:00Z".parse()?), "{rent:#?}");
        for (task, change) in [
            (&rent, json!({ "title": "Loan", "description": null, "priority": "high", "tag_names": ["money", "bank"], "due_at": null })),
            (&rent, json!({ "status": "in_progress", "due_at": "2031-06-01T09:00:00Z", "reminder_offset_minutes": null })),
            (&rent, json!({ "recurrence_pattern": weekly.clone() })),
            (&rent, json!({ "recurrence_pattern": null })),
            (&plain, json!({ "recurrence_pattern": weekly.clone(), "due_at": "2031-06-02T09:00:00Z" })),
        ] {
            let path = format!("/tasks/{}", task.id);
            let changed: Task = person.patch(&path, &change).await?.expect(200)?;
            ensure!(still(&changed) != still(task), "{change}: nothing changed");
            let back: Task = undo(&person, task.id, changed.version).await?.expect(200)?;
            ensure!(still(&back) == still(task) && back.version == changed.version + 1, "{change}: {back:#?}");
            let stored: Task = person.get(&path).await?.expect(200)?;
            ensure!(stored == back, "{change}: answered {back:#?}, stored {stored:#?}");
        }
        // What was taken back can itself be taken back; and what was no series can become one.
        let changed: Task = person.patch(&format!("/tasks/{}", plain.id), &json!({ "title": "b" })).await?.expect(200)?;
        let back: Task = undo(&person, plain.id, changed.version).await?.expect(200)?;
        let again: Task = undo(&person, plain.id, back.version).await?.expect(200)?;
        ensure!(again.title == "b" && again.recurrence_pattern.is_none(), "{again:#?}");
        let series = json!({ "recurrence_pattern": weekly, "due_at": "2031-06-02T09:00:00Z" });
        let series: Task = person.patch(&format!("/tasks/{}", plain.id), &series).await?.expect(200)?;
        ensure!(series.series_id == Some(plain.id) && series.occurrence == Some(1), "{series:#?}");
        // The series that goes on is the one it was: the last day of each month.
        person.complete(rent.id).await?;
        tests::eventually("the rent comes at the end of March", std::time::Duration::from_secs(60), async || {
            let next = person.list("?search=rent&status=todo").await?.items;
            Ok(next.iter().any(|task| task.due_at == "2031-03-31T09:00:00Z".parse().ok()).then_some(()))
        })
        .await
    })
    .await
}

#[tokio::test]
async fn contract_what_came_after_a_change_stands_and_only_a_change_of_fields_is_taken_back() -> Result<()> {
    story(async |suite, person| {
        let task = person.create_task(&json!({ "title": "a" })).await?;
        let path = format!("/tasks/{}", task.id);
        let second: Task = person.patch(&path, &json!({ "title": "b" })).await?.expect(200)?;
        let third: Task = person.patch(&path, &json!({ "priority": "high" })).await?.expect(200)?;
        undo(&person, task.id, second.version).await?.is(412)?;
        let stored: Task = person.get(&path).await?.expect(200)?;
        ensure!(stored == third, "{stored:#?}");
        // Two at once: one takes it back, the other hears that it is too late.
        let fourth: Task = person.patch(&path, &json!({ "description": "d" })).await?.expect(200)?;
        // Without a version it is the last one.
        let back: Task = person.send(Method::POST, &format!("{path}/undo"), &[], None).await?.expect(200)?;
        ensure!(still(&back) == still(&third) && back.version == fourth.version + 1, "{back:#?}");
        let (one, other) = tokio::try_join!(undo(&person, task.id, back.version), undo(&person, task.id, back.version))?;
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        ensure!(statuses == [200, 412], "{statuses:?}");

        let another = suite.person()?;
        undo(&another, task.id, 4).await?.is(404)?;
        undo(&person, Uuid::now_v7(), 1).await?.is(404)?;
        let fresh = person.create_task(&json!({ "title": "fresh" })).await?;
        ensure!(undo(&person, fresh.id, 1).await?.is(410)?.json()["code"] == "gone", "a new task was nothing before");
        let done = person.complete(fresh.id).await?;
        undo(&person, fresh.id, done.version).await?.is(410)?;
        let stored: Value = person.get(&format!("/tasks/{}", fresh.id)).await?.is(200)?.json();
        ensure!(stored["status"] == "completed", "{stored}");
        person.delete(&path).await?.is(204)?;
        undo(&person, task.id, 7).await?.is(404).map(drop)
    })
    .await
}
