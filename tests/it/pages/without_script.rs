//! The same pages in a browser that runs no script: plain forms, redirects and links.

use anyhow::{Result, ensure};
use tests::page::Setup;

use super::{as_somebody, only_task, row};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_everything_is_a_plain_form() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("without-script", setup, async |_, browser, account| {
        browser.forgives("status of 422");
        // With script the selector would be disabled until there is a due time.
        browser.click("#create summary").await?;
        browser.sees("#reminder:enabled").await?;
        browser.types("#title", "Water the plants").await?;
        browser.picks("#due", "2031-05-01T09:30").await?;
        browser.chooses("#reminder", "60").await?;
        browser.types("#tags", "home, garden").await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tasks .name", "Water the plants").await?;
        let task = only_task(account, "Water the plants").await?;
        ensure!(task.due_at.is_some_and(|at| at.to_rfc3339() == "2031-05-01T09:30:00+00:00"), "{task:?}");
        ensure!(task.reminder_offset_minutes == Some(60) && task.tags == ["garden", "home"], "{task:?}");

        // A refused form comes back whole, with what was typed.
        browser.js::<Option<bool>>("document.querySelector('#title').removeAttribute('required')", ()).await?;
        browser.click("#create summary").await?;
        browser.types("#description", "Nothing above").await?;
        browser.click("#create button.primary").await?;
        browser.reads(".errors", "Title is required.").await?;
        ensure!(browser.value("#description").await? == "Nothing above", "what was typed is kept");

        browser.goto("/app").await?;
        browser.click(&format!("{} .name", row(&task))).await?;
        browser.fills("#edit #title", "Water all plants").await?;
        browser.click("#save").await?;
        browser.reads("#task h1", "Water all plants").await?;
        browser.click(".up a").await?;
        browser.click(&format!("#check-{}", task.id)).await?;
        browser.sees_no(&row(&task)).await?;
        browser.click(".filters a[href='/app?status=completed']").await?;
        browser.sees(&format!("{}.done", row(&task))).await?;
        browser.arrives("/app?status=completed").await?;
        browser.types("#search", "cactus\u{e007}").await?;
        browser.reads(".searching", "cactus").await?;
        browser.sees_no(&row(&task)).await?;
        browser.goto("/app?status=completed").await?;

        browser.click(&format!("#delete-{}", task.id)).await?;
        browser.reads(".toast", "Task deleted").await?;
        browser.sees_no(&row(&task)).await?;
        browser.click("[data-undo] button").await?;
        browser.sees(&row(&task)).await?;
        browser.click(".out button").await?;
        browser.arrives("/app/sign-in").await
    })
    .await
}
