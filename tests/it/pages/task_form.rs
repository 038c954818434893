//! The form of a task: every field arrives, all errors are said at once where they are, and the reminder is what was chosen.

use anyhow::{Result, ensure};
use contracts::task::{Priority, Status};
use serde_json::json;
use tests::page::{Account, Browser, Setup};

use super::{as_somebody, only_task};

const DUE: &str = "2031-05-01T09:30";
/// Fields and what is typed into them. The page can tell that three of them are wrong, and only the API that a tag is too long.
const WRONG: [(&str, &str); 8] = [
    ("title", "   "),
    ("due", "1900-01-01T09:30"),
    ("reminder", "custom"),
    ("reminder_number", "-5"),
    ("reminder_unit", "hours"),
    ("priority", "high"),
    ("tags", "home, a tag of more letters than anybody would write on a label <b>"),
    ("description", "Two lines,\nboth kept & <b>"),
];
/// What is said of the four.
const SAID: [(&str, &str); 4] = [
    ("title", "Title is required."),
    ("due", "Due must be between the years 1970 and 9999."),
    ("reminder", "Reminder must be between 0 minutes and 365 days before."),
    ("tags", "Tags"),
];

/// Gives a control of a form what is to stand there.
async fn fill(browser: &Browser, form: &str, name: &str, value: &str) -> Result<()> {
    let field = format!("{form} #{name}");
    match name {
        "due" => browser.picks(&field, value).await,
        "reminder" | "reminder_unit" | "priority" | "status" => browser.chooses(&field, value).await,
        "tags" => browser.tags(&field, value).await,
        _ => browser.fills(&field, value).await,
    }
}

/// Sends the form with four errors: each is said at its field, all in the summary, and whatever was typed stands there still.
async fn four_errors(browser: &Browser, form: &str, send: &str) -> Result<()> {
    for (name, value) in WRONG {
        fill(browser, form, name, value).await?;
    }
    browser.click(send).await?;
    browser.reads(&format!("{form} .errors"), "4 things need a look:").await?;
    for (name, words) in SAID {
        browser.reads(&format!("{form} #{name}-wrong"), words).await?;
        browser.sees(&format!("{form} #{name}[aria-invalid=true][aria-describedby='{name}-wrong']")).await?;
        browser.sees(&format!("{form} .errors a[href='#{name}']")).await?;
    }
    let marked = browser.texts(&format!("{form} .wrong")).await?;
    ensure!(marked.len() == SAID.len(), "and nothing else is wrong: {marked:?}");
    for (name, typed) in WRONG {
        let kept = browser.value(&format!("{form} [name={name}]")).await?;
        ensure!(kept == typed, "{name} holds {kept:?} and not {typed:?}");
    }
    Ok(())
}

/// Somebody with four errors in a new task puts them right; then once more with the task that is there.
async fn corrects(browser: &Browser, account: &Account) -> Result<()> {
    browser.forgives("status of 422");
    browser.click("#create summary").await?;
    four_errors(browser, "#create", "#create button.primary").await?;
    ensure!(account.person.list("").await?.total == 0, "nothing was made");
    for (name, value) in [("title", "Submit report"), ("due", DUE), ("reminder_number", "3"), ("tags", "home, Ärger <b>")] {
        fill(browser, "#create", name, value).await?;
    }
    browser.click("#create button.primary").await?;
    browser.reads("#tasks .row[data-task] .name", "Submit report").await?;
    let made = only_task(account, "Submit report").await?;
    ensure!(made.due_at.is_some_and(|at| at.to_rfc3339() == "2031-05-01T09:30:00+00:00"), "{made:?}");
    ensure!((made.reminder_offset_minutes, made.priority, made.status) == (Some(180), Priority::High, Status::Todo), "{made:?}");
    ensure!(made.tags == ["home", "Ärger <b>"] && made.description.as_deref() == Some(WRONG[7].1), "{made:?}");

    browser.goto(&format!("/app/tasks/{}", made.id)).await?;
    four_errors(browser, "#edit", "#save").await?;
    ensure!(only_task(account, "Submit report").await? == made, "nothing was changed");
    for (name, value) in [
        ("title", "Submitted"),
        ("due", "2031-06-01T10:00"),
        ("reminder", "15"),
        ("priority", "low"),
        ("tags", "work"),
        ("description", "One line"),
        ("status", "in_progress"),
    ] {
        fill(browser, "#edit", name, value).await?;
    }
    browser.click("#save").await?;
    browser.reads("#task h1", "Submitted").await?;
    let changed = only_task(account, "Submitted").await?;
    ensure!(changed.due_at.is_some_and(|at| at.to_rfc3339() == "2031-06-01T10:00:00+00:00"), "{changed:?}");
    ensure!(
        (changed.reminder_offset_minutes, changed.priority, changed.status) == (Some(15), Priority::Low, Status::InProgress),
        "{changed:?}"
    );
    ensure!(changed.tags == ["work"] && changed.description.as_deref() == Some("One line"), "{changed:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_all_errors_are_said_at_once_at_their_fields_and_nothing_typed_is_lost() -> Result<()> {
    as_somebody("form", Setup::default(), async |_, browser, account| corrects(browser, account).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_all_errors_are_said_at_once_without_javascript_too_and_nothing_is_lost() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("form-plain", setup, async |_, browser, account| corrects(browser, account).await).await
}

/// What is chosen, and with `custom` the number and its unit.
type Choice<'a> = (&'a str, &'a str, &'a str);

/// Each choice of the selector, and the minutes that the API knows it by.
const CHOICES: [(Choice<'_>, Option<i32>); 7] = [
    (("1440", "", ""), Some(1440)),
    (("60", "", ""), Some(60)),
    (("15", "", ""), Some(15)),
    (("custom", "5", "minutes"), Some(5)),
    (("custom", "3", "hours"), Some(180)),
    (("custom", "2", "days"), Some(2880)),
    (("off", "", ""), None),
];

/// Chooses a reminder in the form.
async fn choose(browser: &Browser, form: &str, (choice, number, unit): Choice<'_>) -> Result<()> {
    browser.chooses(&format!("{form} #reminder"), choice).await?;
    if choice == "custom" {
        browser.fills(&format!("{form} #reminder_number"), number).await?;
        browser.chooses(&format!("{form} #reminder_unit"), unit).await?;
    } else {
        browser.sees_no(&format!("{form} #reminder_number")).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_the_reminder_that_is_chosen_is_the_one_that_is_stored_and_shown() -> Result<()> {
    as_somebody("reminder", Setup::default(), async |_, browser, account| {
        let offered = browser
            .js::<Vec<String>>("return [...document.querySelectorAll('#create #reminder option')].map((o) => o.text)", ())
            .await?;
        ensure!(offered == ["Off", "1 day before", "1 hour before", "15 minutes before", "Custom…"], "{offered:?}");
        browser.click("#create summary").await?;

        // Without a due date there is nothing to remind of.
        browser.sees("#create #reminder:disabled").await?;
        browser.picks("#create #due", DUE).await?;
        browser.sees("#create #reminder:enabled").await?;
        browser.chooses("#create #reminder", "60").await?;
        browser.picks("#create #due", "").await?;
        browser.sees("#create #reminder:disabled").await?;
        ensure!(browser.value("#create #reminder").await? == "off", "it stands on off");
        browser.types("#create #title", "Without a date").await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tasks .row[data-task] .name", "Without a date").await?;
        let bare = only_task(account, "Without a date").await?;
        ensure!((bare.due_at, bare.reminder_offset_minutes) == (None, None), "{bare:?}");
        account.person.delete(&format!("/tasks/{}", bare.id)).await?.is(204)?;

        let task = account.person.create_task(&json!({ "title": "x", "due_at": "2031-05-01T09:30:00Z" })).await?;
        for (choice, minutes) in CHOICES {
            browser.goto(&format!("/app/tasks/{}", task.id)).await?;
            choose(browser, "#edit", choice).await?;
            browser.click("#save").await?;
            browser.reads(".toast", "Saved").await?;
            let stored = only_task(account, "x").await?;
            ensure!(stored.reminder_offset_minutes == minutes, "{choice:?} is {:?}", stored.reminder_offset_minutes);
            browser.goto(&format!("/app/tasks/{}", task.id)).await?;
            let shown = browser.value("#edit #reminder").await?;
            ensure!(shown == choice.0, "{choice:?} is shown as {shown}");
            if choice.0 == "custom" {
                let shown = (browser.value("#reminder_number").await?, browser.value("#reminder_unit").await?);
                ensure!(shown == (choice.1.to_owned(), choice.2.to_owned()), "{choice:?} is shown as {shown:?}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_without_javascript_a_reminder_without_a_due_date_is_refused_where_it_stands() -> Result<()> {
    let setup = Setup { without_script: true, ..Setup::default() };
    as_somebody("reminder-plain", setup, async |_, browser, account| {
        browser.forgives("status of 422");
        browser.click("#create summary").await?;
        browser.types("#create #title", "Call Ada").await?;
        choose(browser, "#create", ("custom", "3", "hours")).await?;
        browser.click("#create button.primary").await?;
        browser.reads("#reminder-wrong", "Set when it is due").await?;
        let kept =
            [browser.value("#title").await?, browser.value("#reminder_number").await?, browser.value("#reminder_unit").await?];
        ensure!(kept == ["Call Ada", "3", "hours"], "{kept:?}");
        browser.picks("#create #due", DUE).await?;
        browser.click("#create button.primary").await?;
        browser.reads("#tasks .name", "Call Ada").await?;
        let task = only_task(account, "Call Ada").await?;
        ensure!(task.reminder_offset_minutes == Some(180), "{task:?}");
        Ok(())
    })
    .await
}
