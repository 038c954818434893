//! Tags in a form: offered while one types, added and removed by keyboard and pointer.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::page::{Browser, Setup};
use thirtyfour::Key;

use super::{as_somebody, only_task};

/// The pills of the form of a new task.
async fn pills(browser: &Browser) -> Result<Vec<String>> {
    Ok(browser.texts("#create .pills .tag").await?.iter().map(|pill| pill.trim_end_matches([' ', '×']).to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_tags_are_offered_by_use_added_and_removed_by_keyboard_and_pointer() -> Result<()> {
    as_somebody("tags", Setup::default(), async |_, browser, account| {
        for (title, tags) in [("One", vec!["home"]), ("Two", vec!["work", "Homework"]), ("Three", vec!["work"])] {
            let task = account.person.create_task(&json!({ "title": title, "tag_names": tags })).await?;
            account.person.complete(task.id).await?;
        }
        browser.goto("/app").await?;
        browser.types("#create #title", "Tagged").await?;
        browser.click("#create summary").await?;
        // Before a letter is typed the most used come first, and nothing hides what follows.
        browser.click("#create #tags").await?;
        browser.sees("#create .offered").await?;
        let offered = browser.texts("#create .offered li").await?;
        ensure!(offered.len() == 3 && offered[0].starts_with("work") && offered[0].ends_with('2'), "{offered:?}");
        browser.presses("hom").await?;
        browser.until("two are left", tests::page::PATIENCE, "document.querySelectorAll('#create .offered li').length === 2", ()).await?;
        browser.presses(Key::Down + Key::Down).await?;
        browser.until(
            "the second is chosen, also for who cannot see it",
            tests::page::PATIENCE,
            "document.getElementById(document.querySelector('#create #tags').getAttribute('aria-activedescendant'))?.dataset.name === 'Homework'",
            (),
        )
        .await?;
        browser.presses(Key::Enter + "").await?;
        ensure!(pills(browser).await? == ["Homework"], "the chosen one is added");
        // New ones by Enter and by comma; one that is there in other letters is not added twice.
        browser.presses("garden".to_owned() + Key::Enter + "homeWORK,deep sea,").await?;
        ensure!(pills(browser).await? == ["Homework", "garden", "deep sea"], "{:?}", pills(browser).await?);
        ensure!(browser.focus().await? == "input#tags", "the focus stays where one types");
        browser.presses(Key::Backspace + "").await?;
        ensure!(pills(browser).await? == ["Homework", "garden"], "the last goes by its key");
        browser.click("#create .pills [aria-label='Remove the tag garden']").await?;
        browser.click("#create #tags").await?;
        browser.sees("#create .offered").await?;
        browser.click("#create .offered [data-name=work]").await?;
        // Escape closes what is offered and nothing else; what is only typed counts when the form is sent.
        browser.sees_no("#create .offered").await?;
        browser.presses("last one").await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tasks .row[data-task] .name", "Tagged").await?;
        let mut page = account.person.list("?status=todo").await?;
        ensure!(page.total == 1 && page.items.remove(0).tags == ["Homework", "last one", "work"], "{:?}", account.person.list("").await?);
        ensure!(pills(browser).await?.is_empty(), "the form is empty again");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_tags_of_a_task_are_changed_on_its_page() -> Result<()> {
    as_somebody("tags-edit", Setup::default(), async |_, browser, account| {
        let task = account.person.create_task(&json!({ "title": "Tagged", "tag_names": ["home", "work"] })).await?;
        browser.goto(&format!("/app/tasks/{}#tags", task.id)).await?;
        browser.presses(Key::Backspace + "night" + Key::Enter + Key::Enter).await?;
        browser.reads("#task .heading .tag", "night").await?;
        ensure!(only_task(account, "Tagged").await?.tags == ["home", "night"], "as it is stored");
        Ok(())
    })
    .await
}
