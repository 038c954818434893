//! Ways back: from a task to the list as it was, and to what was typed when the session ended.

use anyhow::{Result, ensure};
use http::header::COOKIE;
use serde_json::json;
use tests::Suite;
use tests::page::{Account, Browser, PATIENCE, Setup};
use thirtyfour::Key;

use super::{as_somebody, only_task};

/// A list that somebody arranged.
const ARRANGED: &str = "/app?tags=work&sort=title_asc";

/// Keeps the sockets of a page, so that it can be told that one was closed because its token is too old.
const SOCKETS: &str = "window.sockets = []; window.WebSocket = class extends WebSocket { constructor(...all) { super(...all); window.sockets.push(this); } };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_way_back_from_a_task_is_the_list_as_it_was_also_by_key() -> Result<()> {
    as_somebody("way-back", Setup::default(), async |_, browser, account| {
        for title in ["A first", "B second"] {
            account.person.create_task(&json!({ "title": title, "tag_names": ["work"] })).await?;
        }
        let second = account.person.list("?sort=title_desc").await?.items.remove(0);
        let [page, row] = [format!("/app/tasks/{}", second.id), format!("a#open-{}", second.id)];
        browser.goto(ARRANGED).await?;
        browser.presses("jj" + Key::Enter).await?;
        browser.arrives(&page).await?;
        // Saved from within a text of several lines; the second Escape leads back, to where one was.
        browser.types("#description", &format!("By hand{}{}", Key::Control.value(), Key::Enter.value())).await?;
        browser.reads(".toast", "Saved").await?;
        browser.presses(Key::Escape + Key::Escape).await?;
        browser.arrives(ARRANGED).await?;
        browser.until("the focus is on its row", PATIENCE, "arguments[0] === `a#${document.activeElement.id}`", [&row]).await?;

        // What is not saved yet is not left by a key.
        browser.presses(Key::Enter + "").await?;
        browser.arrives(&page).await?;
        browser.presses("e" + Key::End + " more").await?;
        browser.presses(Key::Escape + Key::Escape).await?;
        browser.reads(".toast", "Not saved yet.").await?;
        ensure!(browser.path().await? == page, "still there");
        browser.click("#save").await?;
        browser.reads("#task h1", "B second more").await?;

        browser.click("#task .danger").await?;
        browser.arrives(&format!("{ARRANGED}&deleted={}", second.id)).await?;
        browser.reads(".toast", "Task deleted").await
    })
    .await
}

/// Seen red: without the second `forget` in `Sessions::end` a request of the page in between kept the session alive, and the change was saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_what_was_typed_when_the_session_ended_is_back_after_signing_in() -> Result<()> {
    as_somebody("session-over", Setup::default(), async |suite, browser, account| {
        let task = account.person.create_task(&json!({ "title": "As it was", "tag_names": ["home"] })).await?;
        let page = format!("/app/tasks/{}", task.id);
        browser.goto(&page).await?;
        browser.fills("#edit #title", "Half done").await?;
        browser.tags("#edit #tags", "work, home").await?;
        ended(suite, browser).await?;
        browser.click("#save").await?;
        back_again(browser, account, &page).await?;
        browser.reads(".toast", "A change that was not sent is back in the form.").await?;
        browser.click("#save").await?;
        browser.reads("#task h1", "Half done").await?;
        ensure!(only_task(account, "Half done").await?.tags == ["home", "work"], "all of it");

        // An open page hears of it when its token is to be renewed, and takes nothing from under the hands.
        browser.on_every_page(SOCKETS).await?;
        browser.goto("/app").await?;
        browser.until("the socket is open", PATIENCE, "window.sockets.at(-1)?.readyState === 1", ()).await?;
        browser.types("#title", "Half a line").await?;
        ended(suite, browser).await?;
        browser.js::<Option<bool>>("window.sockets.at(-1).onclose(new CloseEvent('close', { code: 4401 }))", ()).await?;
        browser.reads("#connection", "Your session is over.").await?;
        ensure!(browser.value("#title").await? == "Half a line", "nothing is taken away");
        browser.click("#connection a").await?;
        back_again(browser, account, "/app").await?;
        browser.until("the line is back", PATIENCE, "document.querySelector('#title').value === 'Half a line'", ()).await
    })
    .await
}

/// The session ends, not by this browser, which keeps its cookie.
async fn ended(suite: &Suite, browser: &Browser) -> Result<()> {
    let cookie = browser.driver().get_named_cookie("session").await?.value;
    let csrf: String = browser.js("return document.querySelector('meta[name=csrf]').content", ()).await?;
    let request = suite.client().post(suite.url("/app/sign-out")).header(COOKIE, format!("session={cookie}"));
    let out = request.form(&[("csrf", csrf)]).send().await?;
    ensure!(out.status() == 303, "{}", out.status());
    Ok(())
}

/// Signs in where it is asked for, and arrives where one was.
async fn back_again(browser: &Browser, account: &Account, page: &str) -> Result<()> {
    let next = if page == "/app" { String::new() } else { format!("?next={}", page.replace('/', "%2F")) };
    browser.arrives(&format!("/app/sign-in{next}")).await?;
    browser.reads("#over", "Your session is over.").await?;
    account.sign_in(browser).await?;
    browser.arrives(page).await
}
