//! Tasks: made, read, listed, changed, completed, deleted, restored.

mod bulk;
mod feed;
mod filters;
mod history;
mod order;
mod plans;
mod search;
mod tags;
mod transfer;
mod undo;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use tests::story;
use uuid::Uuid;

#[tokio::test]
async fn contract_a_task_with_every_field_is_the_same_when_read_back() -> Result<()> {
    story(async |_, person| {
        let body = json!({
            "title": "  Submit report ", "description": "With figures", "status": "in_progress", "priority": "high",
            "due_at": "2031-03-01T14:00:00+01:00", "reminder_offset_minutes": 60, "tag_names": ["Work", "report", "WORK"],
            "recurrence_pattern": { "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO", "FR"], "end_type": "after_occurrences", "end_after_occurrences": 5 },
        });
        let answer = person.post("/tasks", &body).await?;
        let created = answer.is(201)?.json();
        let id = created["id"].as_str().unwrap_or_default();
        ensure!(answer.header("location") == format!("/tasks/{id}"), "Location: {}", answer.header("location"));
        ensure!(created["title"] == "Submit report" && created["tags"] == json!(["report", "Work"]), "{created}");
        ensure!(created["due_at"] == "2031-03-01T13:00:00Z", "{created}");
        let read = person.get(&format!("/tasks/{id}")).await?.is(200)?.json();
        ensure!(read == created, "read back: {read}\ncreated: {created}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_fifty_tasks_come_in_three_pages_without_gap_or_repeat() -> Result<()> {
    story(async |_, person| {
        let mut made = Vec::new();
        for number in 0..50 {
            made.push(person.create_task(&json!({ "title": format!("Task {number}") })).await?.id);
        }
        let mut seen = Vec::new();
        for offset in [0, 20, 40] {
            let page = person.list(&format!("?limit=20&offset={offset}")).await?;
            ensure!((page.total, page.limit, page.offset) == (50, 20, offset), "{page:?}");
            ensure!(page.has_more == (offset < 40), "{page:?}");
            seen.extend(page.items.iter().map(|task| task.id));
        }
        made.reverse();
        ensure!(seen == made, "newest first");
        ensure!(person.list("?offset=1000").await?.items.is_empty(), "beyond the end");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_the_same_key_makes_one_task_and_another_body_is_refused() -> Result<()> {
    story(async |_, person| {
        let key = Uuid::new_v4().to_string();
        let send = async |body: &str| {
            person.send(Method::POST, "/tasks", &[("Idempotency-Key", &key)], Some(body.as_bytes().to_vec())).await
        };
        let (first, second) = tokio::join!(send(r#"{"title":"once"}"#), send(r#"{"title":"once"}"#));
        let (first, second) = (first?, second?);
        ensure!(first.is(201)?.json() == second.is(201)?.json(), "{} {}", first.body, second.body);
        let replayed = [&first, &second].iter().filter(|answer| answer.header("idempotent-replayed") == "true").count();
        ensure!(replayed == 1, "exactly one is the repeat");
        send(r#"{"title":"twice"}"#).await?.is(422)?;
        ensure!(person.list("").await?.total == 1, "one task");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_patch_changes_what_it_names_and_a_stale_version_is_412() -> Result<()> {
    story(async |_, person| {
        let task = person
            .create_task(
                &json!({ "title": "a", "description": "b", "due_at": "2031-01-01T00:00:00Z", "reminder_offset_minutes": 5 }),
            )
            .await?;
        let path = format!("/tasks/{}", task.id);
        let changed: contracts::task::Task =
            person.patch(&path, &json!({ "due_at": null, "priority": "low" })).await?.expect(200)?;
        ensure!(changed.version == 2 && changed.due_at.is_none() && changed.reminder_offset_minutes.is_none(), "{changed:?}");
        ensure!(changed.title == "a" && changed.description.as_deref() == Some("b"), "{changed:?}");
        let same: contracts::task::Task = person.patch(&path, &json!({ "title": "a" })).await?.expect(200)?;
        ensure!(same.version == 2, "nothing changed");
        person.patch(&path, &json!({})).await?.is(422)?;
        let stale = person.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], Some(br#"{"title":"c"}"#.to_vec())).await?;
        ensure!(stale.is(412)?.json()["code"] == "stale_version", "{}", stale.body);
        person.send(Method::PATCH, &path, &[("If-Match", "\"2\"")], Some(br#"{"title":"c"}"#.to_vec())).await?.is(200)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_completing_twice_is_completing_once_and_deleting_can_be_undone() -> Result<()> {
    story(async |_, person| {
        let task = person.create_task(&json!({ "title": "a" })).await?;
        let (first, second) = (person.complete(task.id).await?, person.complete(task.id).await?);
        ensure!(first == second && first.completed_at.is_some(), "{first:?} {second:?}");
        let path = format!("/tasks/{}", task.id);
        person.delete(&path).await?.is(204)?;
        person.get(&path).await?.is(404)?;
        person.delete(&path).await?.is(404)?;
        ensure!(person.list("").await?.total == 0, "not listed");
        person.post(&format!("{path}/restore"), &json!({})).await?.is(200)?;
        person.get(&path).await?.is(200)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_filters_and_orders_combine_in_one_list() -> Result<()> {
    story(async |_, person| {
        for (title, priority, tags, due) in [
            ("Quarterly presentation", "high", vec!["work"], Some("2031-01-03T10:00:00Z")),
            ("presentations of Peter's photos", "low", vec!["home"], None),
            ("Buy milk", "medium", vec!["home", "shop"], Some("2031-01-01T10:00:00Z")),
            ("Call bank", "high", vec!["home"], Some("2031-01-02T10:00:00Z")),
        ] {
            person.create_task(&json!({ "title": title, "priority": priority, "tag_names": tags, "due_at": due })).await?;
        }
        for (query, titles) in [
            ("?search=present", vec!["presentations of Peter's photos", "Quarterly presentation"]),
            ("?search=presented%20quarterly", vec!["Quarterly presentation"]),
            ("?search=-photos%20presentation", vec!["Quarterly presentation"]),
            ("?tags=home&sort=priority_desc", vec!["Call bank", "Buy milk", "presentations of Peter's photos"]),
            ("?tags=home,shop", vec!["Buy milk"]),
            ("?tags=work,shop&tags_match=any&sort=title_asc", vec!["Buy milk", "Quarterly presentation"]),
            ("?priority=high&sort=due_date_asc", vec!["Call bank", "Quarterly presentation"]),
            ("?sort=due_date_desc", vec!["Quarterly presentation", "Call bank", "Buy milk", "presentations of Peter's photos"]),
            ("?due_date_start=2031-01-02&due_date_end=2031-01-02", vec!["Call bank"]),
            ("?status=completed", vec![]),
            ("?search=%27%20or%201=1%20--", vec![]),
        ] {
            let page = person.list(query).await?;
            let found: Vec<&str> = page.items.iter().map(|task| task.title.as_str()).collect();
            ensure!(found == titles, "{query}: {found:?}");
            ensure!(page.total == titles.len() as i64, "{query}: total {}", page.total);
        }
        ensure!(
            person.get("/tasks?sort=colour&limit=0&status=gone").await?.is(422)?.fields() == ["status", "sort", "limit"],
            "each named"
        );
        Ok(())
    })
    .await
}
