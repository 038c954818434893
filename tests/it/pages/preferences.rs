//! Preferences, as people set them on their page.

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::page::{Account, Browser, Setup};

use super::as_somebody;

async fn stored(account: &Account) -> Result<Value> {
    Ok(account.person.get("/users/me/preferences").await?.is(200)?.json())
}

async fn sets(browser: &Browser, account: &Account) -> Result<()> {
    browser.forgives("status of 422");
    browser.goto("/app/preferences").await?;
    let before = stored(account).await?;

    // A channel without a number: said at the channel, and nothing is stored.
    browser.picks("#timezone", "Asia/Kolkata").await?;
    browser.click("#sms").await?;
    browser.click("#save").await?;
    browser.sees("#preferences [aria-invalid=true]").await?;
    ensure!(browser.value("#timezone").await? == "Asia/Kolkata", "what was chosen is kept");
    ensure!(stored(account).await? == before, "nothing is stored");

    browser.fills("#phone", "+4930901820").await?;
    browser.click("[name=by_email]").await?;
    browser.click("#save").await?;
    browser.sees_no("#preferences [aria-invalid=true]").await?;
    browser.goto("/app/preferences").await?;
    let after = stored(account).await?;
    ensure!(after["timezone"] == "Asia/Kolkata" && after["phone"] == "+4930901820", "{after}");
    let channels = &after["notification_preferences"];
    ensure!(channels["sms"] == true && channels["email"] == false && channels["in_app"] == true, "{after}");
    let shown = browser
        .js::<Vec<bool>>(
            "return ['in_app', 'by_email', 'sms'].map((name) => document.querySelector(`[name=${name}]`).checked)",
            (),
        )
        .await?;
    ensure!(shown == [true, false, true], "{shown:?}");
    ensure!(browser.value("#timezone").await? == "Asia/Kolkata", "the zone is shown");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_zone_and_channels_are_set_and_a_channel_without_a_number_is_refused() -> Result<()> {
    as_somebody("preferences", Setup::default(), async |_, browser, account| sets(browser, account).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_zone_and_channels_are_set_without_javascript_too() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("preferences-plain", setup, async |_, browser, account| sets(browser, account).await).await
}
