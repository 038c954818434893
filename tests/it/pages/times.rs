//! Times are the person's: typed and shown in their zone, and badges that move on with the clock.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tests::page::{PATIENCE, Setup};

use super::{as_somebody, now, only_task, row};

/// A clock that stands where the story puts it, looked at often.
const CLOCK: &str = "const real = Date.now; Date.now = () => window.frozen ?? real();
    const every = setInterval; window.setInterval = (act, wait) => every(act, Math.min(wait, 20));";

/// In `zone` the person picks `local`, which is `stored`; it is the same local time when it comes back, unless the zone skips it.
async fn in_zone(name: &str, zone: &'static str, days: &[(&str, &str, &str)]) -> Result<()> {
    as_somebody(name, Setup { zone: Some(zone), ..Setup::default() }, async |_, browser, account| {
        browser.types("#title", "Somewhere").await?;
        browser.click("#create summary").await?;
        browser.reads("#create label[for=due]", zone).await?;
        // Typed by keys, as day, month and year stand in the field of an English browser.
        browser.js::<Option<bool>>("document.querySelector('#due').focus()", ()).await?;
        browser.presses("070120310930AM").await?;
        let typed = browser.value("#due").await?;
        ensure!(typed == "2031-07-01T09:30", "typed: {typed:?}");
        browser.click("#create button.primary").await?;
        browser.sees("#tasks .row[data-task]").await?;
        let task = only_task(account, "Somewhere").await?;
        browser.click(&format!("{} .name", row(&task))).await?;
        for (local, stored, shown) in days {
            browser.picks("#due", local).await?;
            browser.click("#save").await?;
            browser
                .until(
                    &format!("{local} is stored"),
                    PATIENCE,
                    "document.querySelector('.heading .due').dateTime === arguments[0]",
                    [stored],
                )
                .await?;
            let due_at = only_task(account, "Somewhere").await?.due_at;
            ensure!(due_at == Some(stored.parse::<DateTime<Utc>>()?), "{local} in {zone} is {due_at:?}");
            browser.goto(&format!("/app/tasks/{}", task.id)).await?;
            ensure!(browser.value("#due").await? == *shown, "{stored} in {zone} is shown as {}", browser.value("#due").await?);
        }
        browser.picks("#due", "").await?;
        browser.sees("#reminder:disabled").await?;
        browser.click("#save").await?;
        browser.sees_no(".heading .due").await?;
        ensure!(only_task(account, "Somewhere").await?.due_at.is_none(), "cleared");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_times_are_the_persons_in_new_york() -> Result<()> {
    let days = [
        ("2031-07-01T14:00", "2031-07-01T18:00:00Z", "2031-07-01T14:00"),
        ("2031-12-31T23:59", "2032-01-01T04:59:00Z", "2031-12-31T23:59"),
        // The clock skips this one, and the other comes twice.
        ("2031-03-09T02:30", "2031-03-09T07:30:00Z", "2031-03-09T03:30"),
        ("2031-11-02T01:30", "2031-11-02T05:30:00Z", "2031-11-02T01:30"),
    ];
    in_zone("new-york", "America/New_York", &days).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_times_are_the_persons_in_kolkata() -> Result<()> {
    let days = [
        ("2031-07-01T14:00", "2031-07-01T08:30:00Z", "2031-07-01T14:00"),
        ("2031-01-01T00:15", "2030-12-31T18:45:00Z", "2031-01-01T00:15"),
    ];
    in_zone("kolkata", "Asia/Calcutta", &days).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_times_on_badges_move_on_over_every_boundary() -> Result<()> {
    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    let boundaries = [
        (60 * HOUR, "Due in 3 days", "later"),
        (60 * HOUR - 1, "Due in 2 days", "later"),
        (47 * HOUR + 30 * MINUTE, "Due in 2 days", "later"),
        (47 * HOUR + 30 * MINUTE - 1, "Due in 47 hours", "later"),
        (24 * HOUR + 1, "Due in 24 hours", "later"),
        (24 * HOUR, "Due in 24 hours", "soon"),
        (90 * MINUTE, "Due in 2 hours", "soon"),
        (90 * MINUTE - 1, "Due in 1 hour", "soon"),
        (59 * MINUTE + 30 * SECOND, "Due in 1 hour", "soon"),
        (59 * MINUTE + 30 * SECOND - 1, "Due in 59 minutes", "soon"),
        (90 * SECOND, "Due in 2 minutes", "soon"),
        (90 * SECOND - 1, "Due in 1 minute", "soon"),
        (30 * SECOND, "Due in 1 minute", "soon"),
        (30 * SECOND - 1, "Due now", "now"),
        (0, "Due now", "now"),
        (1 - 30 * SECOND, "Due now", "now"),
        (-30 * SECOND, "Overdue by 1 minute", "overdue"),
        (-59 * MINUTE - 30 * SECOND, "Overdue by 1 hour", "overdue"),
        (-47 * HOUR - 30 * MINUTE, "Overdue by 2 days", "overdue"),
    ];
    as_somebody("badges", Setup::default(), async |_, browser, account| {
        let due_at = DateTime::from_timestamp((now() + TimeDelta::days(7)).timestamp(), 0).unwrap_or_default();
        let task = account.person.create_task(&json!({ "title": "Moves on", "due_at": due_at })).await?;
        browser.on_every_page(CLOCK).await?;
        browser.goto("/app").await?;
        let badge = format!("{} .due", row(&task));
        browser.reads(&badge, "Due in 7 days").await?;
        browser.js::<Option<bool>>("window.marked = true", ()).await?;
        for (left, words, state) in boundaries {
            browser.js::<Option<bool>>("window.frozen = arguments[0]", [due_at.timestamp_millis() - left]).await?;
            let there = "(e => e?.textContent === arguments[1] && e.dataset.state === arguments[2])(document.querySelector(arguments[0]))";
            browser.until(&format!("{left} ms before: {words}"), PATIENCE, there, [badge.as_str(), words, state]).await?;
        }
        ensure!(browser.js::<bool>("return window.marked === true", ()).await?, "without a reload");
        Ok(())
    })
    .await
}
