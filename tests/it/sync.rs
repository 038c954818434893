//! A client that keeps a copy of somebody's tasks and asks what changed since.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use contracts::task::Task;
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::{Person, eventually, story};
use uuid::Uuid;

/// People's programs that change tasks at the same time, and how much each does.
const WRITERS: usize = 6;
const STEPS: usize = 25;
/// Small, so that rounds have many pages and changes come between them.
const LIMIT: usize = 7;

/// A copy, and where it stands.
#[derive(Default)]
struct Copy {
    tasks: BTreeMap<Uuid, Task>,
    next: Option<String>,
}

impl Copy {
    /// Catches up; gives how many changes came.
    async fn catch_up(&mut self, person: &Person) -> Result<usize> {
        let mut changes = 0;
        loop {
            let since = self.next.as_ref().map(|next| format!("&since={next}")).unwrap_or_default();
            let page: Value = person.get(&format!("/tasks/changes?limit={LIMIT}{since}")).await?.expect(200)?;
            let changed: Vec<Task> = serde_json::from_value(page["changed"].clone())?;
            let deleted = page["deleted"].as_array().into_iter().flatten();
            let deleted = deleted.map(|gone| serde_json::from_value(gone["id"].clone())).collect::<Result<Vec<Uuid>, _>>()?;
            ensure!(changed.len() + deleted.len() <= LIMIT, "{page}");
            changes += changed.len() + deleted.len();
            self.tasks.extend(changed.into_iter().map(|task| (task.id, task)));
            self.tasks.retain(|id, _| !deleted.contains(id));
            self.next = page["next"].as_str().map(str::to_owned);
            if page["has_more"] == false {
                return Ok(changes);
            }
        }
    }
}

/// Every task of a person by the list.
async fn listed(person: &Person) -> Result<BTreeMap<Uuid, Task>> {
    let mut all = BTreeMap::new();
    loop {
        let page = person.list(&format!("?limit=100&offset={}", all.len())).await?;
        all.extend(page.items.into_iter().map(|task| (task.id, task)));
        if !page.has_more {
            return Ok(all);
        }
    }
}

/// Makes, changes, completes, deletes and restores, each in turn.
async fn write(person: &Person, number: usize) -> Result<()> {
    for step in 0..STEPS {
        let task = person.create_task(&json!({ "title": format!("Task {number}.{step}"), "tag_names": ["all"] })).await?;
        let path = format!("/tasks/{}", task.id);
        match step % 5 {
            0 => person.patch(&path, &json!({ "priority": "high" })).await?.is(200).map(drop)?,
            1 => person.complete(task.id).await.map(drop)?,
            2 => person.delete(&path).await?.is(204).map(drop)?,
            3 => {
                person.delete(&path).await?.is(204)?;
                person.post(&format!("{path}/restore"), &json!({})).await?.is(200)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_a_copy_that_asks_what_changed_is_the_list_however_many_write_meanwhile() -> Result<()> {
    story(async |_, person| {
        let (mut copy, running) = (Copy::default(), AtomicUsize::new(WRITERS));
        let writers = try_join_all((0..WRITERS).map(async |number| {
            let written = write(&person, number).await;
            running.fetch_sub(1, Ordering::Relaxed);
            written
        }));
        let reader = async {
            let mut rounds = 0;
            while running.load(Ordering::Relaxed) > 0 {
                copy.catch_up(&person).await?;
                rounds += 1;
            }
            copy.catch_up(&person).await?;
            anyhow::Ok(rounds)
        };
        let (written, rounds) = tokio::join!(writers, reader);
        written?;
        ensure!(rounds? > 2, "the copy was kept while others wrote");
        let list = listed(&person).await?;
        ensure!(list.len() == WRITERS * STEPS * 4 / 5, "{} tasks", list.len());
        ensure!(copy.tasks == list, "the copy has {} tasks, the list {}", copy.tasks.len(), list.len());

        // What anybody else has under way holds the mark back; without it, nothing comes twice.
        eventually("nothing is new", Duration::from_secs(30), async || Ok((copy.catch_up(&person).await? == 0).then_some(())))
            .await?;
        let tag = person.get("/tags?search=all").await?.is(200)?.json()[0]["id"].clone();
        person.delete(&format!("/tags/{}", tag.as_str().unwrap_or_default())).await?.is(204)?;
        copy.catch_up(&person).await?;
        ensure!(copy.tasks.values().all(|task| task.tags.is_empty()), "a tag that is gone is gone from the copy");
        ensure!(copy.tasks == listed(&person).await?, "the copy differs");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_token_that_is_none_is_422_and_one_that_is_too_old_410() -> Result<()> {
    story(async |_, person| {
        for (query, field) in
            [("since=x", "since"), ("since=1.2.3", "since"), ("limit=0", "limit"), ("limit=501", "limit"), ("colour=1", "colour")]
        {
            let answer = person.get(&format!("/tasks/changes?{query}")).await?;
            ensure!(answer.is(422)?.fields() == [field], "{query}: {}", answer.body);
        }
        let now = DateTime::<Utc>::from(SystemTime::now()).timestamp();
        for (token, what) in
            [(format!("{}.1", now - 30 * 86_400), "a month old"), (format!("{now}.9000000000"), "of another history")]
        {
            let answer = person.get(&format!("/tasks/changes?since={token}")).await?;
            ensure!(answer.is(410)?.json()["code"] == "gone", "{what}: {}", answer.body);
        }
        Ok(())
    })
    .await
}
