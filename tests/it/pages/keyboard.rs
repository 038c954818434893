//! A working day without a pointer.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::eventually;
use tests::page::{Browser, PATIENCE, Setup};
use thirtyfour::Key;

use super::{as_somebody, row};

/// The focus is somewhere, and it is marked.
pub(super) const VISIBLE: &str = "const e = document.activeElement; if (!e || e === document.body) return 'nowhere';
    const r = e.getBoundingClientRect(); if (!e.matches(':focus-visible')) return `on ${e.localName}#${e.id}, unmarked`;
    const marks = (e) => getComputedStyle(e).outlineStyle !== 'none' || getComputedStyle(e).boxShadow !== 'none';
    if (!marks(e) && !marks(e.parentElement)) return `on ${e.localName}#${e.id}, not to be seen`;
    return r.bottom > 0 && r.top < innerHeight && r.width > 0 ? '' : `on ${e.localName}#${e.id}, out of sight`;";

async fn focus_is(browser: &Browser, wanted: &str) -> Result<()> {
    eventually(&format!("the focus is on {wanted}"), PATIENCE, async || {
        let focus = browser.focus().await?;
        ensure!(focus == wanted, "it is on {focus}");
        Ok(Some(()))
    })
    .await?;
    let wrong: String = browser.js(VISIBLE, ()).await?;
    ensure!(wrong.is_empty(), "the focus is {wrong}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_by_keyboard_alone_a_day_is_possible_and_the_focus_is_never_lost() -> Result<()> {
    as_somebody("keyboard", Setup::default(), async |_, browser, account| {
        browser.presses("c").await?;
        focus_is(browser, "input#title").await?;
        for title in ["First", "Second", "Third"] {
            browser.presses(title + Key::Enter).await?;
            browser.reads("#tasks .row[data-task] .name", title).await?;
            focus_is(browser, "input#title").await?;
        }
        let tasks = account.person.list("").await?.items;
        let [third, second, first] = tasks.as_slice() else { anyhow::bail!("{tasks:?}") };
        ensure!((third.title.as_str(), first.title.as_str()) == ("Third", "First"), "{tasks:?}");
        let [on_third, on_second, on_first] = [third, second, first].map(|task| format!("a#open-{}", task.id));

        // Letters are letters while someone types, and Escape leaves the field.
        browser.presses("cx?").await?;
        ensure!(browser.value("#title").await? == "cx?", "typed");
        browser.fills("#title", "").await?;
        browser.presses(Key::Escape + "j").await?;
        focus_is(browser, &on_third).await?;
        browser.presses("jj").await?;
        focus_is(browser, &on_first).await?;
        browser.presses("jkk").await?;
        focus_is(browser, &on_third).await?;
        browser.presses("j").await?;
        focus_is(browser, &on_second).await?;

        // The row is swapped under the focus, which stays.
        browser.presses("1").await?;
        browser.reads(&format!("{} .priority", row(second)), "High").await?;
        focus_is(browser, &on_second).await?;
        browser.presses("x").await?;
        browser.reads(".toast", "Completed").await?;
        eventually("it is completed", PATIENCE, async || {
            let task = account.person.get(&format!("/tasks/{}", second.id)).await?.is(200)?.json();
            Ok((task["status"] == json!("completed")).then_some(()))
        })
        .await?;
        ensure!(browser.focus().await? != "body", "the focus is lost after completing");
        browser.presses("z").await?;
        browser.sees(&format!("{}:not(.done)", row(second))).await?;
        ensure!(browser.focus().await? != "body", "the focus is lost after taking it back");

        help_opens_and_closes(browser).await?;

        browser.goto("/app").await?;
        browser.presses("j").await?;
        focus_is(browser, &on_third).await?;
        browser.presses(Key::Enter + "").await?;
        browser.arrives(&format!("/app/tasks/{}", third.id)).await?;
        browser.presses("e").await?;
        focus_is(browser, "input#title").await?;
        browser.presses(Key::End + " of all" + Key::Enter).await?;
        browser.reads("#task h1", "Third of all").await?;
        focus_is(browser, "input#title").await?;
        browser.presses(Key::Escape + "d").await?;
        focus_is(browser, "input#due").await?;
        browser.presses(Key::Escape + "t").await?;
        focus_is(browser, "input#tags").await?;
        browser.presses(Key::Escape + "/").await?;
        focus_is(browser, "input#search").await?;
        browser.presses("First" + Key::Enter).await?;
        browser.arrives("/app?search=First").await?;
        browser.reads("#tasks .name", "First").await?;
        first_tab_skips_to_the_content(browser).await
    })
    .await
}

async fn help_opens_and_closes(browser: &Browser) -> Result<()> {
    browser.presses("?").await?;
    browser.sees("dialog#help[open]").await?;
    browser.reads("dialog#help dd", "Complete or reopen").await?;
    ensure!(
        browser.js::<bool>("return document.querySelector('#help').contains(document.activeElement)", ()).await?,
        "focus in the dialog"
    );
    browser.presses(Key::Escape + "").await?;
    browser.sees_no("dialog#help").await?;
    browser.presses("?").await?;
    browser.sees("dialog#help[open]").await?;
    browser.presses(Key::Enter + "").await?;
    browser.sees_no("dialog#help").await
}

async fn first_tab_skips_to_the_content(browser: &Browser) -> Result<()> {
    browser.goto("/app/history").await?;
    browser.presses(Key::Tab + "").await?;
    browser
        .until(
            "the link past the navigation is seen",
            PATIENCE,
            "document.activeElement.matches('.skip') && document.activeElement.getBoundingClientRect().top >= 0",
            (),
        )
        .await?;
    browser.presses(Key::Enter + "").await?;
    browser.until("the focus is in the content", PATIENCE, "document.activeElement.id === 'main'", ()).await
}
