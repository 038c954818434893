//! Several tasks at once: selected, changed by one action, and taken back by one.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::eventually;
use tests::page::{Account, PATIENCE, Setup};

use super::as_somebody;

/// What the tasks are, by title: status, priority, tags.
async fn tasks(account: &Account) -> Result<BTreeMap<String, String>> {
    let page = account.person.list("?status=todo,in_progress,completed").await?;
    let words = |task: &contracts::task::Task| format!("{:?} {:?} {}", task.status, task.priority, task.tags.join(","));
    Ok(page.items.iter().map(|task| (task.title.clone(), words(task))).collect())
}

/// Waits until the tasks are these.
async fn become_so(account: &Account, expected: [&str; 3]) -> Result<()> {
    let expected: BTreeMap<String, String> =
        ["One", "Two", "Three"].iter().zip(expected).map(|(title, words)| ((*title).to_owned(), words.to_owned())).collect();
    eventually(&format!("{expected:?}"), PATIENCE, async || {
        let now = tasks(account).await?;
        ensure!(now == expected, "they are {now:?}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_several_tasks_are_changed_by_one_action_and_taken_back_by_one() -> Result<()> {
    as_somebody("bulk", Setup::default(), async |_, browser, account| {
        for (title, priority, tags) in [("One", "high", vec!["home"]), ("Two", "low", vec![]), ("Three", "medium", vec!["Work"])] {
            account.person.create_task(&json!({ "title": title, "priority": priority, "tag_names": tags })).await?;
        }
        let first = ["Todo High home", "Todo Low ", "Todo Medium Work"];
        browser.goto("/app").await?;
        browser.sees_no(".pick").await?;
        browser.sees_no("#bulk").await?;
        // To select is not to ask for another list, whose coming would take back what is chosen meanwhile.
        let steps: u32 = browser.js("return history.length", ()).await?;
        browser.click("#choosing").await?;
        browser.sees("#bulk").await?;
        ensure!(browser.js::<u32>("return history.length", ()).await? == steps, "the list was asked for again");
        browser.click("#all").await?;
        // What each was, not what the action was, is what taking back means.
        browser.chooses("#bulk-action", "medium").await?;
        browser.click("#bulk-do").await?;
        browser.reads(".toast", "2 of 3 tasks given another priority").await?;
        become_so(account, ["Todo Medium home", "Todo Medium ", "Todo Medium Work"]).await?;
        browser.until("the page shows it", PATIENCE, "document.querySelectorAll('#tasks .priority.medium').length === 3", ()).await?;
        browser.presses("z").await?;
        browser.reads(".toast", "Taken back").await?;
        become_so(account, first).await?;

        // Only what is selected; the choosing goes on after an action.
        browser.sees(".pick").await?;
        let pick = "return [...document.querySelectorAll('#tasks .row')].find((row) => row.querySelector('.name').textContent === arguments[0]).dataset.task";
        for title in ["One", "Three"] {
            let id: String = browser.js(pick, [title]).await?;
            browser.click(&format!("#pick-{id}")).await?;
        }
        browser.reads("#picked", "2 selected").await?;
        browser.chooses("#bulk-action", "add_tags").await?;
        browser.types("#bulk-tags", "work, new").await?;
        browser.click("#bulk-do").await?;
        become_so(account, ["Todo High home,new,Work", "Todo Low ", "Todo Medium new,Work"]).await?;
        browser.click("[data-undo] button").await?;
        become_so(account, first).await?;
        browser.click("#all").await?;
        browser.chooses("#bulk-action", "complete").await?;
        browser.click("#bulk-do").await?;
        browser.reads(".toast", "3 tasks completed").await?;
        browser.sees_no("#tasks .row").await?;
        browser.forgives("status of 422");
        browser.presses("z").await?;
        become_so(account, first).await?;
        browser.until("they are back", PATIENCE, "document.querySelectorAll('#tasks .row').length === 3", ()).await?;
        browser.click("#bulk-do").await?;
        browser.reads("#bulk .form-status", "Select the tasks first.").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_several_tasks_are_changed_by_one_form() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("bulk-plain", setup, async |_, browser, account| {
        for title in ["One", "Two", "Three"] {
            account.person.create_task(&json!({ "title": title })).await?;
        }
        browser.goto("/app").await?;
        browser.click("#choosing").await?;
        browser.click("#tasks .row:nth-child(1) .pick input").await?;
        browser.click("#tasks .row:nth-child(2) .pick input").await?;
        browser.chooses("#bulk-action", "high").await?;
        browser.click("#bulk-do").await?;
        become_so(account, ["Todo Medium ", "Todo High ", "Todo High "]).await
    })
    .await
}
