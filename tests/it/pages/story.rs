//! The story of the suite as it is seen: from signing up to the banner and out again.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tests::page::{Account, PATIENCE, Setup, browse};
use tests::{Suite, eventually};

use serde_json::json;

use super::{as_somebody, now, only_task, row};

/// The goal: how late a reminder may be.
const LATE: TimeDelta = TimeDelta::seconds(15);
/// Time enough to fill the form in before the reminder's.
const FILLING: TimeDelta = TimeDelta::seconds(12);
const TITLE: &str = "Submit report";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_story_from_signing_up_to_the_banner_and_out_again() -> Result<()> {
    let suite = Suite::shared().await?;
    let mut tenant = None;
    let setup = Setup { zone: Some("Europe/Berlin"), ..Setup::default() };
    browse(&suite, "story", setup, async |browser| {
        browser.goto("/").await?;
        browser.click("main a[href='/app/sign-up']").await?;
        browser.arrives("/app/sign-up").await?;
        let account = Account::sign_up(browser, &suite).await?;
        tenant = Some(account.person.tenant_id);
        browser.click(".out button").await?;
        browser.arrives("/app/sign-in").await?;
        account.sign_in(browser).await?;
        browser.arrives("/app").await?;
        browser.reads(".empty", "Nothing to do.").await?;
        browser.sees_no("#narrow").await?;
        written_and_reminded(browser, &account).await?;
        changed_and_taken_back(browser, &account).await?;

        browser.click(".out button").await?;
        browser.arrives("/app/sign-in").await?;
        browser.goto("/app").await?;
        browser.arrives("/app/sign-in").await
    })
    .await?;
    suite.settled(tenant.as_slice()).await
}

/// The next full minute that leaves time to fill the form in: the picker has no seconds.
fn soon() -> Result<DateTime<Utc>> {
    Ok((now() + FILLING).duration_trunc(TimeDelta::minutes(1))? + TimeDelta::minutes(1))
}

/// Writes the task, sees it with its badge, and is told at its time, in the open page.
async fn written_and_reminded(browser: &tests::page::Browser, account: &Account) -> Result<()> {
    // A mark that a reload would lose.
    browser.js::<Option<bool>>("window.marked = true", ()).await?;
    let remind_at = soon()?;
    let due_at = remind_at + TimeDelta::minutes(1);
    let local = due_at.with_timezone(&chrono_tz::Europe::Berlin).format("%Y-%m-%dT%H:%M").to_string();
    browser.types("#title", TITLE).await?;
    browser.click("#create summary").await?;
    browser.sees("#reminder:disabled").await?;
    browser.picks("#due", &local).await?;
    browser.chooses("#reminder", "custom").await?;
    browser.fills("#reminder_number", "1").await?;
    browser.click("#create button.primary").await?;
    browser.sees("#tasks .row[data-task]").await?;
    let task = only_task(account, TITLE).await?;
    ensure!(task.due_at == Some(due_at) && task.reminder_offset_minutes == Some(1), "{task:?}");
    browser.reads(&format!("{} .due", row(&task)), "Due in").await?;
    browser.reads(&format!("{} .priority", row(&task)), "Medium").await?;
    ensure!(!browser.js::<bool>("return Boolean(document.querySelector('.banner'))", ()).await?, "no banner before its time");

    let patience = Duration::from_secs(120);
    browser.until("the banner comes", patience, "[...document.querySelectorAll('.banner')].some(shown)", ()).await?;
    let told = now();
    ensure!(told >= remind_at, "told {} too early", remind_at - told);
    ensure!(told <= remind_at + LATE, "told {} late", told - remind_at);
    ensure!(browser.js::<bool>("return window.marked === true", ()).await?, "the page was not loaded again");
    browser.reads(".banner-title", TITLE).await?;
    browser.reads("#unread", "1").await?;
    ensure!(browser.driver().title().await? == "(1) Tasks · Outrigger", "the tab says it, too");
    ensure!(unread(account).await? == 1, "unread");

    browser.click(".banner button").await?;
    browser.sees_no(".banner").await?;
    browser.sees_no("#unread").await?;
    eventually("it is read", PATIENCE, async || Ok((unread(account).await? == 0).then_some(()))).await?;
    browser.click(".nav a[href='/app/notifications']").await?;
    browser.reads(".note .name", TITLE).await?;
    browser.sees_no(".note .dot").await
}

async fn unread(account: &Account) -> Result<i64> {
    let page = account.person.get("/notifications?unread=true").await?.is(200)?.json();
    Ok(page["unread_count"].as_i64().unwrap_or(-1))
}

/// From the notification to the task, which is edited, completed, deleted and restored.
async fn changed_and_taken_back(browser: &tests::page::Browser, account: &Account) -> Result<()> {
    browser.click(".note .name").await?;
    browser.reads("#task h1", TITLE).await?;
    browser.reads("#reminders .badge", "Delivered").await?;
    browser.fills("#edit #title", "Submit <b>report</b> Ω").await?;
    browser.chooses("#edit #priority", "high").await?;
    browser.click("#save").await?;
    browser.reads("#task h1", "Submit <b>report</b> Ω").await?;
    browser.reads(".toast", "Saved").await?;
    let task = only_task(account, "Submit <b>report</b> Ω").await?;

    browser.click(".up a").await?;
    browser.reads(&format!("{} .priority", row(&task)), "High").await?;
    browser.click(&format!("#check-{}", task.id)).await?;
    browser.reads(".toast", "Completed").await?;
    browser.sees_no(&row(&task)).await?;
    browser.click(".filters a[href='/app?status=completed']").await?;
    browser.sees(&format!("{}.done", row(&task))).await?;
    browser.sees_no(&format!("{} .due", row(&task))).await?;

    browser.click(&format!("#delete-{}", task.id)).await?;
    browser.reads(".toast", "Task deleted").await?;
    browser.sees_no(&row(&task)).await?;
    account.person.get(&format!("/tasks/{}", task.id)).await?.is(404)?;
    browser.click("[data-undo][action$='/restore'] button").await?;
    browser.sees(&row(&task)).await?;
    account.person.get(&format!("/tasks/{}", task.id)).await?.is(200)?;
    browser.click(".nav a[href='/app/history']").await?;
    browser.reads(".row .name", "Submit <b>report</b> Ω").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_submit_report_is_told_an_hour_before_and_reads_due_in_1_hour() -> Result<()> {
    as_somebody("hour-before", Setup::default(), async |_, browser, account| {
        let told_at = now() + TimeDelta::seconds(4);
        let due_at = told_at + TimeDelta::hours(1);
        let body = json!({ "title": "Submit Report", "due_at": due_at, "reminder_offset_minutes": 60 });
        let task = account.person.create_task(&body).await?;
        browser.reads(".banner-title", "Submit Report").await?;
        ensure!(now() >= told_at, "not before its time");
        browser.reads(".banner-body", &due_at.format("%H:%M").to_string()).await?;
        browser.reads(&format!("{} .due", row(&task)), "Due in 1 hour").await?;
        browser.click(".banner-title a").await?;
        browser.reads("#task .due", "Due in 1 hour").await?;
        browser.reads("#reminders .badge", "Delivered").await
    })
    .await
}
