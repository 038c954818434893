//! Tasks that come again, as people set, see, complete and stop them.

use anyhow::{Result, ensure};
use contracts::task::{Status, Task};
use serde_json::{Value, json};
use tests::page::{Account, Browser, Setup};

use super::{as_somebody, only_task, row};

/// 3 March 2031 is a Monday.
const DUE: &str = "2031-03-03T09:00";

/// Names of controls, and what is to stand in them.
type Controls<'a> = &'a [(&'a str, &'a str)];

/// Chooses in a form how a task comes again: the controls and what stands in them; days of the week are clicked.
async fn set(browser: &Browser, form: &str, controls: Controls<'_>) -> Result<()> {
    for (name, value) in controls {
        let control = format!("{form} #{name}");
        match *name {
            "day" => browser.click(&format!("{form} [name=repeat_days][value={value}]")).await?,
            "repeat" | "repeat_end" => browser.chooses(&control, value).await?,
            "repeat_until" => browser.picks(&control, value).await?,
            _ => browser.fills(&control, value).await?,
        }
    }
    Ok(())
}

/// The pattern of the person's only task, without where its dates begin.
async fn pattern(account: &Account, title: &str) -> Result<Value> {
    let mut pattern = json!(only_task(account, title).await?.recurrence_pattern);
    if let Some(fields) = pattern.as_object_mut() {
        fields.retain(|name, _| name != "anchor_local" && name != "timezone");
    }
    Ok(pattern)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_daily_standup_that_is_completed_stands_there_again_for_the_next_day_until_it_is_stopped() -> Result<()> {
    as_somebody("standup", Setup::default(), async |_, browser, account| {
        browser.click("#create summary").await?;
        browser.sees_no("#create #repeat_end").await?;
        browser.types("#create #title", "Daily Standup").await?;
        browser.picks("#create #due", DUE).await?;
        browser.chooses("#create #repeat", "daily").await?;
        browser.reads("#dates", "First Mon 3 Mar 2031, then Tue 4 Mar 2031, then Wed 5 Mar 2031, then Thu 6 Mar 2031").await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tasks .row[data-task] .repeats summary", "Every day").await?;

        let first = only_task(account, "Daily Standup").await?;
        browser.click(&format!("#check-{}", first.id)).await?;
        // The next instance comes into the open page by itself, with a word that says when it is.
        browser.reads(".toast", "“Daily Standup” comes again 4 Mar 2031, 09:00").await?;
        browser.sees(&format!("#tasks .row[data-task]:not([data-task='{}'])[data-status=todo]", first.id)).await?;
        let open = only_open(account).await?;
        ensure!(open.due_at == Some("2031-03-04T09:00:00Z".parse()?), "{open:?}");
        browser.goto("/app/history").await?;
        browser.sees(&format!(".row[data-task='{}']", first.id)).await?;
        browser.sees_no(&format!(".row[data-task='{}']", open.id)).await?;

        // It asks first, by opening; then the mark goes, on this row only.
        browser.goto("/app").await?;
        browser.sees_no(&format!("{} #stop-{}", row(&open), open.id)).await?;
        browser.click(&format!("#repeats-{}", open.id)).await?;
        browser.click(&format!("#stop-{}", open.id)).await?;
        browser.sees(&format!("{}:not(:has(.repeats))", row(&open))).await?;
        let stopped = only_open(account).await?;
        ensure!(stopped.recurrence_ended && stopped.id == open.id, "{stopped:?}");
        Ok(())
    })
    .await
}

/// The one task that is still to be done.
async fn only_open(account: &Account) -> Result<Task> {
    let mut page = account.person.list("?status=incomplete").await?;
    ensure!(page.items.len() == 1 && page.items[0].status == Status::Todo, "{page:?}");
    Ok(page.items.remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_each_way_to_repeat_is_the_pattern_that_the_api_has_and_comes_back_into_the_form() -> Result<()> {
    as_somebody("repeat", Setup::default(), async |_, browser, account| {
        let task = account.person.create_task(&json!({ "title": "x", "due_at": "2031-03-03T09:00:00Z" })).await?;
        let page = format!("/app/tasks/{}", task.id);
        let ways: [(Controls<'_>, Value, &str); 5] = [
            (
                &[("repeat", "daily"), ("repeat_interval", "3")],
                json!({ "pattern_type": "daily", "interval": 3, "end_type": "never" }),
                "Every 3 days",
            ),
            (
                // The day that it is due is chosen already.
                &[("repeat", "weekly"), ("repeat_interval", "2"), ("day", "FR")],
                json!({ "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO", "FR"], "end_type": "never" }),
                "Every 2 weeks on Mon, Fri",
            ),
            (
                &[("repeat", "monthly"), ("repeat_interval", "1"), ("repeat_end", "after_occurrences"), ("repeat_count", "5")],
                json!({ "pattern_type": "monthly", "interval": 1, "end_type": "after_occurrences", "end_after_occurrences": 5 }),
                "Every month",
            ),
            (
                &[("repeat", "yearly"), ("repeat_end", "by_date"), ("repeat_until", "2040-12-31")],
                json!({ "pattern_type": "yearly", "interval": 1, "end_type": "by_date", "end_by_date": "2040-12-31" }),
                "Every year",
            ),
            (&[("repeat", "never")], Value::Null, ""),
        ];
        for (controls, wanted, words) in ways {
            browser.goto(&page).await?;
            set(browser, "#edit", controls).await?;
            browser.click("#save").await?;
            browser.reads(".toast", "Saved").await?;
            let stored = pattern(account, "x").await?;
            ensure!(stored == wanted, "{controls:?} is {stored}");
            browser.goto(&page).await?;
            for (name, value) in controls.iter().filter(|(name, _)| *name != "day") {
                let shown = browser.value(&format!("#edit #{name}")).await?;
                ensure!(shown == *value, "{name} shows {shown} and not {value}");
            }
            if words.is_empty() {
                browser.sees_no(".repeats").await?;
            } else {
                browser.reads(".repeats summary", words).await?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_a_task_is_made_to_repeat_with_its_error_where_it_is_and_stopped() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("repeat-plain", setup, async |_, browser, account| {
        browser.forgives("status of 422");
        browser.click("#create summary").await?;
        browser.types("#create #title", "Water the plants").await?;
        browser.picks("#create #due", DUE).await?;
        set(browser, "#create", &[("repeat", "weekly"), ("repeat_interval", "2")]).await?;
        browser.click("#create button.primary").await?;
        browser.reads("#repeat-wrong", "Repeat needs at least one day of the week.").await?;
        ensure!(browser.value("#create #repeat_interval").await? == "2", "what was typed is kept");
        set(browser, "#create", &[("day", "MO")]).await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tasks .repeats summary", "Every 2 weeks on Mon").await?;
        let task = only_task(account, "Water the plants").await?;
        browser.goto(&format!("/app/tasks/{}", task.id)).await?;
        browser.reads("#dates", "First Mon 3 Mar 2031, then Mon 17 Mar 2031").await?;
        browser.click(&format!("#repeats-{}", task.id)).await?;
        browser.click(&format!("#stop-{}", task.id)).await?;
        browser.sees_no(".repeats").await?;
        ensure!(only_task(account, "Water the plants").await?.recurrence_ended, "it was stopped");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_history_of_a_series_lists_each_time_and_leads_to_it() -> Result<()> {
    as_somebody("series", Setup::default(), async |_, browser, account| {
        let pattern = json!({ "pattern_type": "daily", "end_type": "never" });
        let body = json!({ "title": "Daily Standup", "due_at": "2031-03-03T09:00:00Z", "recurrence_pattern": pattern });
        let mut open = account.person.create_task(&body).await?;
        let mut done = Vec::new();
        for _ in 0..5 {
            account.person.complete(open.id).await?;
            done.push(open.id);
            open = tests::eventually("the next", tests::page::PATIENCE, async || Ok(only_open(account).await.ok())).await?;
        }
        browser.goto(&format!("/app/tasks/{}", open.id)).await?;
        browser.click(".actions a").await?;
        browser.reads("h1", "Daily Standup").await?;
        browser.reads("#open .name", "Number 6, still to be done").await?;
        browser.reads("#total", "5 times").await?;
        let past = browser.texts("#past .name").await?;
        ensure!(past == ["Number 5", "Number 4", "Number 3", "Number 2", "Number 1"], "{past:?}");
        browser.reads("#past .row:last-child .meta", "3 Mar 2031, 09:00").await?;
        browser.click("#past .row:last-child .name").await?;
        browser.arrives(&format!("/app/tasks/{}", done[0])).await?;
        browser.goto("/app/history").await?;
        browser.click(&format!(".row[data-task='{}'] a.badge", done[2])).await?;
        browser.reads("#total", "5 times").await
    })
    .await
}
