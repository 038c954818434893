//! The calendar feed on the preferences page: its address is shown once, where it was made.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::Suite;
use tests::page::{Account, Browser, Setup};

use super::as_somebody;

/// What anyone reads under an address.
async fn status(suite: &Suite, url: &str) -> Result<(u16, String)> {
    let response = suite.client().get(url).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

async fn made_replaced_and_revoked(suite: &Suite, browser: &Browser, account: &Account) -> Result<()> {
    account.person.create_task(&json!({ "title": "Dentist", "due_at": "2031-01-01T10:00:00Z" })).await?;
    browser.goto("/app/preferences").await?;
    browser.sees_no("#feed-revoke").await?;
    browser.click("#feed-make").await?;
    browser.sees("#feed-url").await?;
    let url = browser.value("#feed-url").await?;
    let (found, calendar) = status(suite, &url).await?;
    ensure!(found == 200 && calendar.contains("SUMMARY:Dentist"), "{url}: {found} {calendar}");

    // Once: whoever comes back reads that there is one, and no more.
    browser.goto("/app/preferences").await?;
    browser.reads("#feed", "Its address is not shown again.").await?;
    let key = url.rsplit_once('=').map(|(_, key)| key.to_owned()).context("a key")?;
    let told: bool = browser.js("return document.documentElement.outerHTML.includes(arguments[0])", [&key]).await?;
    ensure!(!told, "the page tells the key again");
    browser.reads("#feed-make", "Replace the address").await?;
    browser.click("#feed-make").await?;
    browser.sees("#feed-url").await?;
    let other = browser.value("#feed-url").await?;
    ensure!(other != url && status(suite, &url).await?.0 == 404 && status(suite, &other).await?.0 == 200, "{url} {other}");
    browser.click("#feed-revoke").await?;
    browser.reads("#feed-make", "Make an address").await?;
    browser.sees_no("#feed-url").await?;
    ensure!(status(suite, &other).await?.0 == 404, "it is revoked, and read all the same");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_address_of_the_calendar_feed_is_shown_once_copied_replaced_and_revoked() -> Result<()> {
    as_somebody("feed", Setup::default(), async |suite, browser, account| {
        made_replaced_and_revoked(suite, browser, account).await?;
        browser.click("#feed-make").await?;
        browser.sees("#feed-url").await?;
        ensure!(browser.focus().await? == "input#feed-url", "the focus is on {}", browser.focus().await?);
        browser.click("#feed-copy").await?;
        browser.reads(".toast", "Cop").await?;
        let field = "const e = document.activeElement; return e.value.slice(e.selectionStart, e.selectionEnd)";
        let selected: String = browser.js(field, ()).await?;
        ensure!(selected == browser.value("#feed-url").await?, "{selected:?} is selected");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_the_address_of_the_calendar_feed_is_shown_once_too() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("feed-plain", setup, async |suite, browser, account| {
        made_replaced_and_revoked(suite, browser, account).await?;
        browser.sees_no("#feed-copy").await
    })
    .await
}
