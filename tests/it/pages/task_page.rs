//! The page of one task: everything about it, its reminders, and what its colours say in words too.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::json;
use tests::page::{Setup, browse};
use thirtyfour::Key;

use super::{as_somebody, now, row};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_task_shows_all_it_has_and_its_reminders_are_added_and_removed() -> Result<()> {
    as_somebody("task-page", Setup::default(), async |_, browser, account| {
        let due = now() + TimeDelta::days(3);
        let body = json!({ "title": "Submit report", "description": "Figures of the quarter.\nAsk Grace.", "priority": "high", "due_at": due,
            "tag_names": ["work", "q3"], "reminder_offset_minutes": 60,
            "recurrence_pattern": { "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO", "FR"], "end_type": "never" } });
        let task = account.person.create_task(&body).await?;
        browser.goto(&format!("/app/tasks/{}", task.id)).await?;
        for words in ["Submit report", "Due in 3 days", "High", "work", "q3", "Every 2 weeks on Mon, Fri"] {
            browser.reads("#task .heading", words).await?;
        }
        ensure!(browser.value("#description").await? == "Figures of the quarter.\nAsk Grace.", "the description");
        let title: String = browser.js("return document.querySelector('#task .due').title", ()).await?;
        ensure!(title.contains(&due.format("%H:%M UTC").to_string()), "the full time is there: {title}");

        // One by the form; two more here, the soonest first; one that is there is refused where it stands.
        browser.reads("#reminders li", "1 hour before").await?;
        browser.reads("#reminders .badge", "Scheduled").await?;
        browser.fills("#number", "2").await?;
        browser.chooses("#unit", "days").await?;
        browser.click("#add").await?;
        browser.reads("#reminders li", "2 days before").await?;
        browser.fills("#number", "15").await?;
        browser.chooses("#unit", "minutes").await?;
        browser.click("#add").await?;
        browser.reads("#reminders li", "15 minutes before").await?;
        let said = browser.texts("#reminders li strong").await?;
        ensure!(said == ["2 days before", "1 hour before", "15 minutes before"], "{said:?}");
        browser.forgives("status of 409");
        browser.forgives("status of 422");
        browser.fills("#number", &format!("15{}", Key::Enter.value())).await?;
        browser.sees("#number-wrong").await?;

        // Another window of the same person shows them, too.
        browser.click("#reminders [aria-label='Remove the reminder 1 hour before']").await?;
        browser.sees("#reminders .badge.cancelled").await?;
        let stored = account.person.get(&format!("/tasks/{}/reminders", task.id)).await?.is(200)?.json();
        let stored: BTreeSet<(i64, &str)> = stored
            .as_array()
            .or(stored["items"].as_array())
            .into_iter()
            .flatten()
            .map(|each| (each["offset_minutes"].as_i64().unwrap_or_default(), each["delivery_status"].as_str().unwrap_or_default()))
            .collect();
        ensure!(stored == [(15, "scheduled"), (60, "cancelled"), (2_880, "scheduled")].into(), "{stored:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_a_priority_is_a_word_and_a_colour_chosen_among_three() -> Result<()> {
    as_somebody("priority", Setup::default(), async |suite, browser, account| {
        let choices = browser.js::<Vec<String>>("return [...document.querySelectorAll('#create #priority option')].map((e) => e.textContent)", ());
        ensure!(choices.await? == ["High", "Medium", "Low"], "the three, high first");
        let mut tasks = Vec::new();
        for priority in ["high", "medium", "low"] {
            tasks.push(account.person.create_task(&json!({ "title": format!("A {priority} one"), "priority": priority })).await?);
        }
        browser.goto("/app").await?;
        let mut colours = BTreeSet::new();
        for (task, word) in tasks.iter().zip(["High", "Medium", "Low"]) {
            browser.reads(&format!("{} .priority", row(task)), word).await?;
            let look = "const e = document.querySelector(arguments[0]), s = getComputedStyle(e); return `${s.color} ${s.fontWeight} ${e.querySelector('path').getAttribute('d')}`";
            colours.insert(browser.js::<String>(look, [format!("{} .priority", row(task))]).await?);
        }
        ensure!(colours.len() == 3, "each has a look of its own: {colours:?}");
        // Chosen in a form, it is stored and shown in every window.
        browse(suite, "priority-other", Setup::default(), async |other| {
            other.goto("/app").await?;
            account.sign_in(other).await?;
            other.reads(&format!("{} .priority", row(&tasks[2])), "Low").await?;
            browser.goto(&format!("/app/tasks/{}", tasks[2].id)).await?;
            browser.chooses("#priority", "high").await?;
            browser.click("#save").await?;
            browser.reads("#task .heading .priority", "High").await?;
            other.reads(&format!("{} .priority", row(&tasks[2])), "High").await
        })
        .await
    })
    .await
}
