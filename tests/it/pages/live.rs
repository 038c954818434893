//! Two windows of one person: what happens in one is seen in the other, also when the instance between them dies.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;
use tests::page::{Account, Browser, PATIENCE, Setup, browse};
use tests::{Suite, eventually};

use super::{as_somebody_of, breakable, only_task, row};

/// How soon a change in one window is to be seen in the other.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How soon a page is connected again after its instance died: the other one takes it.
const BACK: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_live_in_two_windows_changes_are_seen_at_once_and_nothing_is_missed() -> Result<()> {
    let (suite, _turn) = breakable().await?;
    as_somebody_of(&suite, "live-1", Setup::default(), async |suite, first, account| {
        connected(suite, 1).await?;
        let before = sockets(suite).await?;
        browse(suite, "live-2", Setup::default(), async |second| {
            second.goto("/app").await?;
            account.sign_in(second).await?;
            second.arrives("/app").await?;
            connected(suite, 2).await?;
            let after = sockets(suite).await?;
            let instance =
                (0..2).find(|&index| after[index] > before[index]).context("the second window is connected somewhere")?;
            one_sees_the_other(first, second, account).await?;
            hands_are_left_alone(first, second, account).await?;
            an_instance_dies(suite, second, account, instance).await?;
            nothing_is_missed(suite, first, second, account).await
        })
        .await
    })
    .await
}

/// Open sockets of each instance of realtime.
async fn sockets(suite: &Suite) -> Result<Vec<i64>> {
    let mut counts = Vec::new();
    for instance in suite.stack().instances().iter().filter(|instance| instance.app == "realtime") {
        let url = format!("http://127.0.0.1:{}/metrics", instance.app_port);
        let text = suite.client().get(url).send().await?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix("websocket_connections_active"));
        counts.push(line.and_then(|line| line.split_ascii_whitespace().last()?.parse().ok()).context("the gauge is there")?);
    }
    Ok(counts)
}

async fn connected(suite: &Suite, count: i64) -> Result<()> {
    eventually(&format!("{count} sockets are open"), BACK, async || {
        let sockets = sockets(suite).await?;
        ensure!(sockets.iter().sum::<i64>() == count, "{sockets:?}");
        Ok(Some(()))
    })
    .await
}

/// Waits until the first window shows it, then gives the second the second it may take.
async fn soon_in(second: &Browser, what: &str, expression: &str, argument: &str) -> Result<()> {
    let begun = Instant::now();
    second.until(what, PATIENCE, expression, [argument]).await?;
    ensure!(begun.elapsed() <= AT_ONCE, "{what}: {:?}", begun.elapsed());
    Ok(())
}

async fn one_sees_the_other(first: &Browser, second: &Browser, account: &Account) -> Result<()> {
    first.types("#title", "Seen in both\u{e007}").await?;
    first.sees("#tasks .row[data-task]").await?;
    let task = only_task(account, "Seen in both").await?;
    let there = "document.querySelector(arguments[0]) !== null";
    soon_in(second, "the new task is in the second window", there, &row(&task)).await?;

    first.click(&format!("{} .name", row(&task))).await?;
    first.fills("#edit #title", "Changed in one").await?;
    first.click("#save").await?;
    first.reads("#task h1", "Changed in one").await?;
    let renamed = "[...document.querySelectorAll('.row .name')].some((e) => e.textContent === arguments[0])";
    soon_in(second, "the new title is in the second window", renamed, "Changed in one").await?;
    first.click(".up a").await?;
    first.click(&format!("#check-{}", task.id)).await?;
    first.reads(".toast", "Completed").await?;
    let done = "document.querySelector(arguments[0])?.classList.contains('done') ?? true";
    soon_in(second, "the task is ticked off in the second window", done, &row(&task)).await?;
    first.click("[data-undo] button").await?;
    first.sees(&format!("{}:not(.done)", row(&task))).await?;
    second.sees(&format!("{}:not(.done)", row(&task))).await
}

/// Whoever types keeps what is under their hands, and is told.
async fn hands_are_left_alone(first: &Browser, second: &Browser, account: &Account) -> Result<()> {
    let task = only_task(account, "Changed in one").await?;
    second.click(&format!("{} .name", row(&task))).await?;
    second.fills("#edit #description", "Half a sentence").await?;
    first.click(&format!("#open-{}", task.id)).await?;
    first.fills("#edit #title", "Changed meanwhile").await?;
    first.click("#save").await?;
    second.reads(".elsewhere", "Changed elsewhere.").await?;
    ensure!(second.focus().await? == "textarea#description", "the hands stay where they are");
    second.types("#description", " and its end").await?;
    ensure!(second.value("#description").await? == "Half a sentence and its end", "what is typed stays");
    second.click("#save").await?;
    second.reads("#task h1", "Changed meanwhile").await?;
    let stored = only_task(account, "Changed meanwhile").await?;
    ensure!(stored.description.as_deref() == Some("Half a sentence and its end"), "{stored:?}");

    // The row that has the focus stays as well, and says so.
    second.click(".up a").await?;
    second.sees(&row(&stored)).await?;
    second.js::<Option<bool>>("document.querySelector(arguments[0]).focus()", [format!("#open-{}", stored.id)]).await?;
    account.person.patch(&format!("/tasks/{}", stored.id), &json!({ "title": "Changed in one" })).await?.is(200)?;
    second.reads(&format!("{} .elsewhere", row(&stored)), "Changed elsewhere.").await?;
    ensure!(second.focus().await? == format!("a#open-{}", stored.id), "the focus stays");
    second.reads(&format!("{} .name", row(&stored)), "Changed meanwhile").await?;
    second.click(&format!("{} .elsewhere button", row(&stored))).await?;
    second.reads(&format!("{} .name", row(&stored)), "Changed in one").await?;
    first.goto("/app").await
}

/// The instance of the second window is killed: the page finds the other one.
async fn an_instance_dies(suite: &Suite, second: &Browser, account: &Account, instance: usize) -> Result<()> {
    // Chromium says in the console that a socket was cut off or refused; that is its way, not the page's.
    second.forgives("WebSocket connection to");
    let part = if instance == 0 { "realtime".to_owned() } else { format!("realtime-{instance}") };
    suite.stack().kill9(&part).await?;
    let task = account.person.create_task(&json!({ "title": "Written while it was dead" })).await?;
    second.until("it is there", BACK, "document.querySelector(arguments[0]) !== null", [row(&task)]).await?;
    account.person.delete(&format!("/tasks/{}", task.id)).await?.is(204)?;
    second.sees_no(&row(&task)).await?;
    suite.stack().wait_ready(BACK).await?;
    connected(suite, 2).await
}

/// While nobody could tell the pages anything, tasks were made, changed and deleted.
async fn nothing_is_missed(suite: &Suite, first: &Browser, second: &Browser, account: &Account) -> Result<()> {
    let kept = only_task(account, "Changed in one").await?;
    let gone = account.person.create_task(&json!({ "title": "Soon gone" })).await?;
    for browser in [first, second] {
        browser.forgives("WebSocket connection to");
        browser.sees(&row(&gone)).await?;
    }
    for part in ["realtime", "realtime-1"] {
        suite.stack().stop(part).await?;
    }
    let person = &account.person;
    person.patch(&format!("/tasks/{}", kept.id), &json!({ "title": "Changed in the gap", "priority": "high" })).await?.is(200)?;
    person.send(Method::DELETE, &format!("/tasks/{}", gone.id), &[], None).await?.is(204)?;
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(person.create_task(&json!({ "title": format!("Made in the gap {number}") })).await?);
    }
    ensure!(second.texts(".row .name").await?.iter().all(|title| !title.contains("gap")), "nobody could tell it");
    for part in ["realtime", "realtime-1"] {
        suite.stack().start_part(part).await?;
    }
    suite.stack().wait_ready(BACK).await?;
    let mut wanted: Vec<&str> = made.iter().map(|task| task.title.as_str()).collect();
    wanted.push("Changed in the gap");
    wanted.sort_unstable();
    for browser in [first, second] {
        eventually("the list is whole", Duration::from_secs(40), async || {
            let mut shown = browser.texts("#tasks .row .name").await?;
            shown.sort_unstable();
            ensure!(shown == wanted, "{shown:?}");
            Ok(Some(()))
        })
        .await?;
        browser.sees_no("#connection").await?;
    }
    Ok(())
}
