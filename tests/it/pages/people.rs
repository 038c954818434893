//! A team: somebody is invited, signs up by the link, and both see each other. The link is shown once, where it was made.

use anyhow::{Context, Result, ensure};
use tests::Suite;
use tests::page::{Account, Browser, PASSWORD, Setup};
use uuid::Uuid;

use super::as_somebody;
use super::layout::look;

/// Letters that would be markup.
const NAME: &str = "Grace <b>Hopper</b> & \"Co\"";

/// Makes a link and gives its path on the suite.
async fn link(suite: &Suite, browser: &Browser, email: &str) -> Result<String> {
    browser.goto("/app/people").await?;
    browser.fills("#invite-email", email).await?;
    browser.click("#invite-make").await?;
    browser.sees("#invitation-link").await?;
    let link = browser.value("#invitation-link").await?;
    Ok(link.strip_prefix(&suite.url("")).with_context(|| link.clone())?.to_owned())
}

/// Signs up by a link.
async fn follows(browser: &Browser, link: &str, email: &str) -> Result<()> {
    browser.goto(link).await?;
    browser.reads("#invited", "You were invited to a team").await?;
    browser.types("#display_name", NAME).await?;
    browser.types("#email", email).await?;
    browser.types("#password", PASSWORD).await?;
    browser.click("#sign-up button").await
}

async fn signs_out(browser: &Browser) -> Result<()> {
    browser.click(".out button").await?;
    browser.arrives("/app/sign-in").await
}

async fn invited_and_joined(suite: &Suite, browser: &Browser, account: &Account) -> Result<()> {
    browser.forgives("status of 422");
    let grace = format!("grace.{}@example.com", Uuid::new_v4().simple());

    // What is no address is said at the field, and kept.
    browser.goto("/app/people").await?;
    browser.types("#invite-email", "grace").await?;
    browser.click("#invite-make").await?;
    browser.reads("#invite-email-wrong", "Email must be an address").await?;
    ensure!(browser.value("#invite-email").await? == "grace", "what was typed is kept");

    // Withdrawn, a link lets nobody in.
    let withdrawn = link(suite, browser, "").await?;
    browser.reads("#open-invitations", "Whoever has the link").await?;
    browser.click("#open-invitations button").await?;
    browser.sees_no("#open-invitations").await?;
    let to_grace = link(suite, browser, &grace).await?;
    browser.reads("#open-invitations", &grace).await?;
    browser.reads("#open-invitations", "invited by Ada").await?;

    // Once: whoever comes back reads that it is open, and no more.
    browser.goto("/app/people").await?;
    browser.reads("#open-invitations", &grace).await?;
    let code = to_grace.rsplit_once('=').map(|(_, code)| code.to_owned()).context("a code")?;
    let told: bool = browser.js("return document.documentElement.outerHTML.includes(arguments[0])", [&code]).await?;
    ensure!(!told, "the page tells the code again");
    signs_out(browser).await?;

    follows(browser, &withdrawn, &grace).await?;
    browser.reads("#invited-wrong", "The invitation is not open").await?;
    follows(browser, &to_grace, &grace).await?;
    browser.arrives("/app").await?;
    let joined = Account::known(suite, grace).await?;
    ensure!(joined.person.tenant_id == account.person.tenant_id, "it is another tenant");
    for _ in 0..2 {
        browser.goto("/app/people").await?;
        browser.reads("#people", "Ada").await?;
        browser.reads("#people", NAME).await?;
        browser.sees_no("#open-invitations").await?;
        ensure!(browser.js::<u32>("return document.querySelectorAll('main b').length", ()).await? == 0, "no markup");
        signs_out(browser).await?;
        account.sign_in(browser).await?;
        browser.arrives("/app").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_somebody_is_invited_signs_up_by_the_link_and_both_see_each_other() -> Result<()> {
    as_somebody("people", Setup::default(), async |suite, browser, account| {
        invited_and_joined(suite, browser, account).await?;
        let link = link(suite, browser, "").await?;
        ensure!(browser.focus().await? == "input#invitation-link", "the focus is on {}", browser.focus().await?);
        browser.click("#invitation-copy").await?;
        browser.reads(".toast", "Cop").await?;
        look(browser, "people, with a link").await?;
        signs_out(browser).await?;
        browser.goto(&link).await?;
        look(browser, "a sign-up that was invited").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_somebody_is_invited_and_signs_up_too() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("people-plain", setup, async |suite, browser, account| {
        invited_and_joined(suite, browser, account).await?;
        link(suite, browser, "").await?;
        browser.sees_no("#invitation-copy").await
    })
    .await
}
