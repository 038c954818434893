//! Tasks of another program, looked at first and then taken; and ours as a file.

use anyhow::{Result, ensure};
use tests::Suite;
use tests::page::{Browser, Setup};

use super::as_somebody;

/// What another program wrote: one task to take, and one thing that is none.
const FILE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Somebody//Some program//EN\r\n\
BEGIN:VTODO\r\nUID:rent@example.com\r\nSUMMARY:Pay the rent & <b>more</b>\r\nPRIORITY:1\r\nCATEGORIES:home\r\nDUE:20310301T090000Z\r\nEND:VTODO\r\n\
BEGIN:VJOURNAL\r\nUID:diary@example.com\r\nSUMMARY:Dear diary\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n";

/// Chooses the file as a person does, and looks at it.
async fn look(suite: &Suite, browser: &Browser, name: &str, text: &str) -> Result<()> {
    let path = suite.stack().run_dir().join(name);
    std::fs::write(&path, text)?;
    browser.goto("/app/import").await?;
    browser.types("#file", &path.display().to_string()).await?;
    browser.click("#look").await
}

/// Looks at the file, takes it, and finds it there when it comes again.
async fn taken_once(suite: &Suite, browser: &Browser, account: &tests::page::Account, name: &str) -> Result<()> {
    look(suite, browser, name, FILE).await?;
    browser.reads("#found", "1 would be new, 1 is no task.").await?;
    browser.reads("#items li", "Pay the rent & <b>more</b>").await?;
    ensure!(account.person.list("").await?.total == 0, "nothing is stored before it was seen");
    browser.click("#take").await?;
    browser.reads("#found", "1 is new, 1 is no task.").await?;
    let task = super::only_task(account, "Pay the rent & <b>more</b>").await?;
    ensure!(task.tags == ["home"] && task.due_at == Some("2031-03-01T09:00:00Z".parse()?), "{task:?}");
    look(suite, browser, name, FILE).await?;
    browser.reads("#found", "1 was here before, 1 is no task.").await?;
    browser.sees_no("#take").await?;
    browser.forgives("status of 422");
    look(suite, browser, &format!("bad-{name}"), "This is no calendar.").await?;
    browser.sees("#file-wrong").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_tasks_of_another_program_are_looked_at_then_taken_once() -> Result<()> {
    as_somebody("import", Setup::default(), async |suite, browser, account| {
        taken_once(suite, browser, account, "import.ics").await?;
        // The name of a file says who wrote it.
        look(suite, browser, "import.json", "[]").await?;
        ensure!(browser.value("#format").await? == "taskwarrior", "chosen by its name");
        // And out again, as the same thing.
        let file = "return fetch('/app/export?format=ics').then((answer) => answer.text())";
        let file: String = browser.js(file, ()).await?;
        ensure!(file.contains("SUMMARY:Pay the rent & <b>more</b>") && file.contains("DUE"), "{file}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_a_file_is_looked_at_and_taken_too() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("import-plain", setup, async |suite, browser, account| {
        taken_once(suite, browser, account, "import-plain.ics").await
    })
    .await
}
