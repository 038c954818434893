//! The pages of the API: what they describe can be tried out there, with nothing from another host.

use anyhow::{Result, ensure};
use tests::page::{Setup, browse};
use tests::{Suite, story};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_documentation_makes_a_task_by_try_it_out() -> Result<()> {
    story(async |suite: Suite, person| {
        browse(&suite, "docs", Setup::default(), async |browser| {
            browser.goto("/docs/").await?;
            // The token, as a person pastes it.
            browser.click(".auth-wrapper .authorize").await?;
            browser.types(".auth-container input", &person.token).await?;
            browser.click(".auth-container .auth.modal-btn.authorize").await?;
            browser.click(".auth-container .btn-done").await?;

            let create = "#operations-tasks-post_tasks";
            browser.click(&format!("{create} .opblock-summary-control")).await?;
            browser.sees(&format!("{create} textarea")).await?;
            browser
                .fills(&format!("{create} textarea"), r#"{ "title": "Made from the documentation", "priority": "high" }"#)
                .await?;
            browser.click(&format!("{create} .execute")).await?;
            browser.reads(&format!("{create} .live-responses-table .response-col_status"), "201").await?;
            browser.reads(&format!("{create} .live-responses-table"), "Made from the documentation").await?;
            Ok(())
        })
        .await?;
        let page = person.list("").await?;
        ensure!(page.total == 1 && page.items[0].title == "Made from the documentation", "{page:?}");
        Ok(())
    })
    .await
}
