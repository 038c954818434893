//! One line becomes a task, and says how it was understood before anything is stored.

use anyhow::{Result, ensure};
use contracts::task::{PatternType, Priority};
use tests::page::{Browser, PATIENCE, Setup};
use thirtyfour::Key;

use super::{as_somebody, only_task};

const LINE: &str = "Pay rent every month on the 1st at 9:00 until 31 Dec 2031 #home !high remind 1d";

/// The pieces of the preview.
async fn understood(browser: &Browser) -> Result<Vec<String>> {
    browser.texts("#understood .tag").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_one_line_becomes_a_task_as_the_preview_said() -> Result<()> {
    as_somebody("quick-add", Setup::default(), async |_, browser, account| {
        browser.types("#create #title", LINE).await?;
        browser.reads("#understood strong", "Pay rent").await?;
        browser.reads("#understood", "Reminder 1 day before").await?;
        let said = understood(browser).await?;
        ensure!(
            said.len() == 6 && said[0] == "Every month on the 1st" && said[3] == "#home" && said[4] == "High priority",
            "{said:?}"
        );
        ensure!(said[1].contains(", 09:00") && said[2] == "Until Wed 31 Dec 2031", "{said:?}");
        browser.presses(Key::Enter + "").await?;
        browser.reads(".toast", "Added “Pay rent”, due ").await?;
        browser.reads(".toast", "Every month · Reminder 1 day before · High priority · #home").await?;
        browser.sees_no("#understood").await?;
        let task = only_task(account, "Pay rent").await?;
        ensure!(
            (task.priority, task.reminder_offset_minutes) == (Priority::High, Some(1440)) && task.tags == ["home"],
            "{task:?}"
        );
        let (due, pattern) =
            (task.due_at.unwrap_or_default(), task.recurrence_pattern.unwrap_or_else(|| unreachable!("no pattern")));
        ensure!(due.format("%d %H:%M").to_string() == "01 09:00", "{due}");
        ensure!((pattern.pattern_type, pattern.day_of_month) == (PatternType::Monthly, Some(1)), "{pattern:?}");
        ensure!(pattern.end_by_date.is_some_and(|date| date.to_string() == "2031-12-31"), "{pattern:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_what_a_line_cannot_say_is_told_and_quotes_keep_words_as_they_are() -> Result<()> {
    as_somebody("quick-add-wrong", Setup::default(), async |_, browser, account| {
        browser.types("#create #title", "Party 31 Feb !urgent").await?;
        browser.reads("#understood .problem", "February has no day 31.").await?;
        browser.reads("#understood .problem", "!urgent is no priority").await?;
        browser.presses(Key::Enter + "").await?;
        browser.reads("#tasks .row[data-task] .name", "Party 31 Feb !urgent").await?;
        let task = only_task(account, "Party 31 Feb !urgent").await?;
        ensure!((task.due_at, task.priority) == (None, Priority::Medium), "nothing is guessed: {task:?}");
        account.person.delete(&format!("/tasks/{}", task.id)).await?.is(204)?;

        // What a control says stands, and the line fills the others.
        browser.goto("/app").await?;
        browser.click("#create summary").await?;
        browser.chooses("#create #priority", "low").await?;
        browser.types("#create #tags", "work,").await?;
        browser.fills("#create #title", "Read \"every day\" tomorrow !high #home").await?;
        browser.reads("#understood strong", "Read every day").await?;
        browser.presses(Key::Enter + "").await?;
        browser.reads("#tasks .row[data-task] .name", "Read every day").await?;
        let task = only_task(account, "Read every day").await?;
        ensure!((task.priority, task.recurrence_pattern.is_none()) == (Priority::Low, true), "{task:?}");
        ensure!(task.tags == ["home", "work"] && task.due_at.is_some(), "{task:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_a_line_is_read_and_said_when_it_is_stored() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("quick-add-plain", setup, async |_, browser, account| {
        browser.types("#create #title", &format!("{LINE}{}", Key::Enter.value())).await?;
        browser.until("it is told once", PATIENCE, "location.search.startsWith('?added=')", ()).await?;
        browser.reads(".toast", "Every month · Reminder 1 day before · High priority · #home").await?;
        let task = only_task(account, "Pay rent").await?;
        browser.click(".toast a").await?;
        browser.arrives(&format!("/app/tasks/{}", task.id)).await
    })
    .await
}
