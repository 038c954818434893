//! What was typed is never lost: wrong fields, a part that is away, no network, a double click, somebody else's change.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::page::{Account, Browser, Setup};
use tests::{Suite, eventually};
use thirtyfour::Key;

use super::forms::Forms;
use super::{as_somebody, as_somebody_of, breakable, only_task};

/// How soon a part that was started again serves.
const BACK: Duration = Duration::from_secs(60);
/// A line on which each answer takes this long, in milliseconds.
const SLOW_MS: u32 = 2_000;
/// Far less than an answer takes, in milliseconds: 100 are wanted, and a machine that runs everything else beside takes its time to paint.
const AT_ONCE_MS: f64 = 400.0;
/// How long the page waits for an answer, in milliseconds (`PATIENCE` of `forms.js`).
const PATIENCE_MS: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_errors_keep_what_was_typed_at_the_field_and_in_the_summary() -> Result<()> {
    as_somebody("errors-fields", Setup::default(), async |_, browser, account| {
        browser.forgives("status of 422");
        browser.click("#create summary").await?;
        browser.picks("#due", "2031-05-01T09:30").await?;
        browser.chooses("#reminder", "custom").await?;
        browser.fills("#reminder_number", "-5").await?;
        browser.types("#tags", &"x".repeat(60)).await?;
        browser.types("#description", "Kept").await?;
        browser.click("#create button.primary").await?;
        browser.reads(".errors", "things need a look:").await?;
        browser.reads("#title-wrong", "Title is required.").await?;
        browser.reads("#reminder-wrong", "Reminder must be").await?;
        for field in ["title", "reminder"] {
            browser.sees(&format!("#{field}[aria-invalid=true][aria-describedby='{field}-wrong']")).await?;
        }
        ensure!(browser.js::<bool>("return document.activeElement.matches('.errors')", ()).await?, "the summary has the focus");
        let kept = [browser.value("#due").await?, browser.value("#reminder_number").await?, browser.value("#description").await?];
        ensure!(kept == ["2031-05-01T09:30", "-5", "Kept"], "{kept:?}");
        browser.click(".errors a[href='#title']").await?;
        ensure!(browser.focus().await? == "input#title", "the summary leads to the field");

        // What the page can see is put right, and what only the API knows is said in the same place.
        browser.types("#title", "Now right").await?;
        browser.fills("#reminder_number", "5").await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tags-wrong", "Tags").await?;
        ensure!(browser.value("#title").await? == "Now right", "kept");
        browser.tags("#tags", "short").await?;
        browser.click("#create button.primary").await?;
        browser.sees("#tasks .row[data-task]").await?;
        let task = only_task(account, "Now right").await?;
        ensure!(task.description.as_deref() == Some("Kept") && task.tags == ["short"], "{task:?}");
        browser.sees_no(".errors").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_errors_keep_what_was_typed_while_a_part_is_away() -> Result<()> {
    let (suite, _turn) = breakable().await?;
    as_somebody_of(&suite, "errors-away", Setup::default(), async |suite, browser, account| {
        browser.forgives("status of 503");
        browser.forgives("ERR_INTERNET_DISCONNECTED");
        browser.forgives("WebSocket connection to");
        no_network(browser).await?;
        no_tasks(suite, browser, account).await
    })
    .await
}

/// Collects how long each interaction took until its effect was painted, as the browser counts it, in ms; what takes less than 16 is left out
/// (<https://www.w3.org/TR/event-timing/>): `duration` is from the event to the next paint, in steps of 8 ms.
const MEASURE: &str = "window.interactions = [];
    new PerformanceObserver((list) => {
      for (const each of list.getEntries()) if (each.interactionId) window.interactions.push(each.duration);
    }).observe({ type: 'event', durationThreshold: 16 });
    return null";

/// The line from here on: none at all, or one whose every answer takes so long.
async fn line(browser: &Browser, offline: bool, latency_ms: u32) -> Result<()> {
    let conditions = json!({ "offline": offline, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.enable", json!({})).await?;
    browser.devtools("Network.emulateNetworkConditions", conditions).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_on_a_slow_line_a_change_shows_at_once_and_then_as_it_was_stored() -> Result<()> {
    as_somebody("slow", Setup::default(), async |_, browser, account| {
        line(browser, false, SLOW_MS).await?;
        browser.js::<Value>(MEASURE, ()).await?;
        browser.types("#title", "From the train").await?;
        browser.click("#create button.primary").await?;
        // The click returns before the answer, which is some seconds away.
        browser.reads("#tasks .row.pending", "From the train").await?;
        ensure!(account.person.list("").await?.total <= 1, "at most it was sent");
        browser.reads("#tasks .row[data-task] .name", "From the train").await?;
        browser.sees_no("#tasks .row.pending").await?;
        let task = only_task(account, "From the train").await?;

        // By key and by an action on several, too: seconds before the answer, whose row has the icon again.
        for (what, level) in [("by key", "High"), ("by an action on several", "Low")] {
            if level == "High" {
                browser.presses(Key::Escape + "j1").await?;
            } else {
                browser.click("#choosing").await?;
                browser.click("#all").await?;
                browser.chooses("#bulk-action", "low").await?;
                browser.click("#bulk-do").await?;
            }
            let shown = browser.texts("#tasks .priority").await?;
            ensure!(shown.iter().any(|word| word.starts_with(level)), "{what}, at once: {shown:?}");
            browser.sees(&format!("#tasks .priority.{}:has(svg)", level.to_lowercase())).await?;
        }
        browser.click("#choosing").await?;
        browser.click(&format!("#check-{}", task.id)).await?;
        browser.sees_no(&format!("#tasks #task-{}", task.id)).await?;
        ensure!(only_task(account, "From the train").await?.completed_at.is_some(), "and it is completed");
        let mut shown: Vec<f64> = browser.js("return window.interactions", ()).await?;
        shown.sort_by(f64::total_cmp);
        let (count, median) = (shown.len(), shown.get(shown.len() / 2).copied().unwrap_or_default());
        let longest = shown.last().copied().unwrap_or_default();
        println!(
            "{count} presses and clicks, each answer {SLOW_MS} ms away: on the screen after {median} ms, at most {longest} ms"
        );
        ensure!(median <= AT_ONCE_MS, "{shown:?}");

        // Longer than the page waits: it says so, and what was typed is there.
        browser.forgives("net::ERR");
        line(browser, false, 2 * PATIENCE_MS).await?;
        browser.types("#title", "From the tunnel").await?;
        browser.click("#create button.primary").await?;
        browser.reads("#create .form-status", "Nothing was lost; try again.").await?;
        ensure!(browser.value("#title").await? == "From the tunnel", "kept");
        line(browser, false, 0).await
    })
    .await
}

async fn no_network(browser: &Browser) -> Result<()> {
    line(browser, true, 0).await?;
    browser.types("#title", "On the train").await?;
    browser.click("#create button.primary").await?;
    browser.reads("#create .form-status", "The server cannot be reached. Nothing was lost; try again.").await?;
    ensure!(browser.value("#title").await? == "On the train", "kept");
    line(browser, false, 0).await
}

async fn no_tasks(suite: &Suite, browser: &Browser, account: &Account) -> Result<()> {
    suite.stack().stop("tasks").await?;
    browser.click("#create summary").await?;
    browser.types("#description", "With a view").await?;
    browser.click("#create button.primary").await?;
    browser.reads("#create .form-status", "Nothing was lost. Try again in a moment.").await?;
    let id = browser.texts("#create .form-status code").await?.concat();
    ensure!(id.len() == 32, "the number of the request: {id:?}");
    let typed = [browser.value("#title").await?, browser.value("#description").await?];
    ensure!(typed == ["On the train", "With a view"], "{typed:?}");
    said_in_the_logs(suite, &id)?;

    suite.stack().start_part("tasks").await?;
    suite.stack().wait_ready(BACK).await?;
    eventually("it works again", BACK, async || {
        if browser.texts("#tasks .row[data-task]").await?.is_empty() {
            browser.click("#create button.primary").await?;
            browser.until("answered", BACK, "!document.querySelector('.pending')", ()).await?;
            return Ok(None);
        }
        Ok(Some(()))
    })
    .await?;
    let task = only_task(account, "On the train").await?;
    ensure!(task.description.as_deref() == Some("With a view"), "{task:?}");

    // A page that cannot show its list says so with a number, too, and keeps its frame.
    suite.stack().stop("tasks").await?;
    browser.goto("/app").await?;
    browser.reads("#list .failed", "Your tasks cannot be shown just now.").await?;
    ensure!(browser.texts("#list .failed code").await?.concat().len() >= 16, "the number of the request");
    browser.sees("#create").await?;
    suite.stack().start_part("tasks").await?;
    suite.stack().wait_ready(BACK).await?;
    browser.click("#list .failed .button").await?;
    browser.reads("#tasks .name", "On the train").await
}

/// The number on the page finds the request in the logs of the run.
fn said_in_the_logs(suite: &Suite, id: &str) -> Result<()> {
    let holds = |(name, _, log): &(String, _, std::path::PathBuf)| {
        name.starts_with("gateway") && std::fs::read_to_string(log).is_ok_and(|text| text.contains(id))
    };
    ensure!(suite.stack().parts().iter().any(holds), "no log of the gateway has {id}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_double_submit_makes_one_task() -> Result<()> {
    as_somebody("double", Setup::default(), async |suite, browser, account| {
        browser.types("#title", "Once only").await?;
        let button = browser.driver().find(thirtyfour::By::Css("#create button.primary")).await?;
        browser.driver().action_chain().double_click_element(&button).perform().await?;
        browser.sees("#tasks .row[data-task]").await?;
        let task = only_task(account, "Once only").await?;
        browser.sees_no(".errors").await?;

        // Without script the browser posts the same form twice.
        let forms = Forms::sign_in(suite, &account.email).await?;
        let page = forms.get("/app").await?;
        let fields = [("csrf", page.hidden("csrf")?), ("key", page.hidden("key")?), ("title", "Twice sent".to_owned())];
        let (one, other) = tokio::join!(forms.post("/app/tasks", &fields), forms.post("/app/tasks", &fields));
        let statuses = [one?.status, other?.status];
        ensure!(statuses.contains(&303), "{statuses:?}");
        ensure!(forms.post("/app/tasks", &fields).await?.status == 303, "a third time changes nothing");
        let titles: Vec<String> = account.person.list("").await?.items.into_iter().map(|task| task.title).collect();
        ensure!(titles.iter().filter(|title| *title == "Twice sent").count() == 1 && titles.contains(&task.title), "{titles:?}");
        ensure!(titles.len() == 2, "{titles:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_concurrent_edit_is_said_and_nothing_is_lost() -> Result<()> {
    as_somebody("stale", Setup::default(), async |_, browser, account| {
        browser.forgives("status of 409");
        let task = account.person.create_task(&json!({ "title": "As it was" })).await?;
        let path = format!("/tasks/{}", task.id);
        browser.goto(&format!("/app{path}")).await?;
        browser.fills("#edit #title", "Mine").await?;
        account.person.patch(&path, &json!({ "title": "Theirs" })).await?.is(200)?;
        browser.click("#save").await?;
        browser.reads(".errors", "Changed elsewhere while you were editing").await?;
        browser.reads(".errors", "Title is now “Theirs”.").await?;
        ensure!(browser.value("#edit #title").await? == "Mine", "what was typed is kept");
        only_task(account, "Theirs").await?;
        browser.click("#save").await?;
        browser.reads("#task h1", "Mine").await?;
        only_task(account, "Mine").await.map(drop)
    })
    .await
}
