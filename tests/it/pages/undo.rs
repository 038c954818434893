//! The last change taken back: by the form, by a key, with and without script; never over what somebody else wrote.

use anyhow::{Result, ensure};
use contracts::task::Task;
use serde_json::{Value, json};
use tests::eventually;
use tests::page::{Account, Browser, PATIENCE, Setup};

use super::as_somebody;

/// A task with all that a form can change.
fn full() -> Value {
    json!({
        "title": "Rent", "description": "By hand", "priority": "low", "due_at": "2031-01-31T09:00:00Z", "reminder_offset_minutes": 60,
        "tag_names": ["home", "money"],
        "recurrence_pattern": { "pattern_type": "monthly", "interval": 1, "day_of_month": 31, "end_type": "never" },
    })
}

/// Waits until the task is this one, but for what every change moves on.
async fn becomes(account: &Account, wanted: &Task) -> Result<Task> {
    eventually("the task is as it was", PATIENCE, async || {
        let now: Task = account.person.get(&format!("/tasks/{}", wanted.id)).await?.expect(200)?;
        let still = Task { version: wanted.version, updated_at: wanted.updated_at, ..now.clone() };
        ensure!(still == *wanted, "it is {now:#?}");
        Ok(Some(now))
    })
    .await
}

/// Whether nothing can be taken back now: in a while every toast is gone.
async fn offers_nothing(browser: &Browser) -> Result<()> {
    let offered: i64 = browser.js("return document.querySelectorAll('[data-undo]').length", ()).await?;
    ensure!(offered == 0, "{offered} changes can be taken back");
    Ok(())
}

/// Changes every field on the task's page, and saves it.
async fn change_all(browser: &Browser, account: &Account, task: &Task) -> Result<Task> {
    browser.goto(&format!("/app/tasks/{}", task.id)).await?;
    browser.fills("#title", "Loan").await?;
    browser.fills("#description", "").await?;
    browser.chooses("#priority", "high").await?;
    browser.tags("#tags", "money, bank").await?;
    browser.picks("#due", "2031-05-01T10:00").await?;
    browser.chooses("#reminder", "1440").await?;
    browser.chooses("#repeat", "never").await?;
    browser.chooses("#status", "in_progress").await?;
    browser.click("#save").await?;
    eventually("it is saved", PATIENCE, async || {
        let now: Task = account.person.get(&format!("/tasks/{}", task.id)).await?.expect(200)?;
        Ok((now.title == "Loan" && now.recurrence_pattern.is_none() && now.tags == ["bank", "money"]).then_some(now))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_an_edit_is_taken_back_in_every_field_and_not_over_what_came_after_it() -> Result<()> {
    as_somebody("undo", Setup::default(), async |_, browser, account| {
        let task = account.person.create_task(&full()).await?;
        change_all(browser, account, &task).await?;
        browser.reads(".toast", "Saved").await?;
        browser.click("[data-undo] button").await?;
        browser.reads(".toast", "Taken back").await?;
        becomes(account, &task).await?;
        browser.reads("#task h1", "Rent").await?;
        ensure!(browser.value("#title").await? == "Rent" && browser.value("#repeat").await? == "monthly", "the form shows it");
        offers_nothing(browser).await?;

        // Nothing changed but a space that no title keeps, so there is nothing to take back.
        browser.types("#title", " ").await?;
        browser.click("#save").await?;
        browser.reads(".toast", "Saved").await?;
        offers_nothing(browser).await?;

        // Somebody else was faster: what they wrote stands, and that is said.
        browser.fills("#title", "Rant").await?;
        browser.click("#save").await?;
        browser.sees("[data-undo]").await?;
        let theirs: Task =
            account.person.patch(&format!("/tasks/{}", task.id), &json!({ "title": "Mortgage" })).await?.expect(200)?;
        browser.reads("#task .elsewhere", "Changed elsewhere.").await?;
        browser.forgives("status of 409");
        browser.click("[data-undo] button").await?;
        browser.reads(".toast", "The task was changed again since, and that stands.").await?;
        becomes(account, &theirs).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_priority_by_key_and_a_stopped_series_are_taken_back_by_a_key() -> Result<()> {
    as_somebody("undo-keys", Setup::default(), async |_, browser, account| {
        let task = account.person.create_task(&full()).await?;
        browser.goto("/app").await?;
        // A key that changes nothing leaves nothing to take back: the change before it was another.
        browser.presses("j3").await?;
        browser.presses("z").await?;
        browser.reads(".toast", "Nothing to undo.").await?;
        browser.presses("1").await?;
        browser.reads("#tasks .priority", "High").await?;
        browser.reads(".toast", "Saved “Rent”").await?;
        browser.presses("z").await?;
        browser.reads(".toast", "Taken back “Rent”").await?;
        browser.reads("#tasks .priority", "Low").await?;
        becomes(account, &task).await?;

        browser.click(&format!("#repeats-{}", task.id)).await?;
        browser.click(&format!("#stop-{}", task.id)).await?;
        browser.reads(".toast", "It does not repeat any more “Rent”").await?;
        browser.sees_no("#tasks .repeats").await?;
        browser.presses("z").await?;
        browser.sees("#tasks .repeats").await?;
        becomes(account, &task).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_an_edit_is_taken_back_from_the_next_page() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("undo-plain", setup, async |_, browser, account| {
        let task = account.person.create_task(&full()).await?;
        let here = format!("/app/tasks/{}", task.id);
        let changed = change_all(browser, account, &task).await?;
        browser.arrives(&format!("{here}?saved={}", changed.version)).await?;
        browser.reads(".toast", "Saved").await?;
        browser.click("[data-undo] button").await?;
        browser.arrives(&here).await?;
        let back = becomes(account, &task).await?;
        browser.reads("#task h1", "Rent").await?;
        browser.sees_no("[data-undo]").await?;
        // An address that is kept offers it no longer than it can be done.
        browser.goto(&format!("{here}?saved={}", changed.version)).await?;
        browser.sees("#task").await?;
        browser.sees_no("[data-undo]").await?;

        browser.forgives("status of 409");
        browser.fills("#title", "Rant").await?;
        browser.click("#save").await?;
        browser.arrives(&format!("{here}?saved={}", back.version + 1)).await?;
        let theirs: Task =
            account.person.patch(&format!("/tasks/{}", task.id), &json!({ "title": "Mortgage" })).await?.expect(200)?;
        browser.click("[data-undo] button").await?;
        browser.reads("main", "The task was changed again since, and that stands.").await?;
        becomes(account, &theirs).await.map(drop)
    })
    .await
}
