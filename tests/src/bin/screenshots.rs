//! Takes the pictures of `docs/screenshots`: a suite of its own, a day's tasks, and Chromium. `scripts/screenshots.sh` runs it.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tests::Suite;
use tests::page::{Account, Browser, PATIENCE, Setup, browse};

const PHONE: (u32, u32) = (375, 740);
const DESKTOP: (u32, u32) = (1120, 720);
/// No picture is larger, so that the repository stays small.
const LARGEST: usize = 100 * 1024;

#[tokio::main]
async fn main() -> Result<()> {
    let options = Suite::options("screenshots")?;
    let folder = options.root.join("docs/screenshots");
    std::fs::create_dir_all(&folder)?;
    let suite = Suite::start(options).await?;
    let pictures = Pictures { folder };
    let setup = Setup { zone: Some("Europe/Berlin"), ..Setup::default() };
    let taken = browse(&suite, "screenshots", setup, async |browser| pictures.take(&suite, browser).await).await;
    let ended = suite.shutdown().await;
    taken.and(ended)
}

struct Pictures {
    folder: PathBuf,
}

impl Pictures {
    async fn take(&self, suite: &Suite, browser: &Browser) -> Result<()> {
        browser.goto("/app/sign-in").await?;
        self.picture(browser, "sign-in-phone-light", PHONE, "light").await?;
        self.picture(browser, "sign-in-desktop-dark", DESKTOP, "dark").await?;
        let account = Account::sign_up(browser, suite).await?;
        self.picture(browser, "list-empty-phone-light", PHONE, "light").await?;

        let task = a_day(&account).await?;
        browser.goto("/app").await?;
        for (name, size, scheme) in [
            ("list-phone-light", PHONE, "light"),
            ("list-phone-dark", PHONE, "dark"),
            ("list-desktop-light", DESKTOP, "light"),
            ("list-desktop-dark", DESKTOP, "dark"),
        ] {
            self.picture(browser, name, size, scheme).await?;
        }
        browser.types("#title", "Pay rent every month on the 1st at 9:00 #home !high remind 1d").await?;
        browser.sees("#understood .tag").await?;
        self.picture(browser, "quick-add-desktop-light", DESKTOP, "light").await?;
        self.picture(browser, "quick-add-phone-dark", PHONE, "dark").await?;
        browser.goto("/app?priority=high,medium&tags=work&sort=priority_desc,due_date_asc").await?;
        browser.click("#filters summary").await?;
        self.picture(browser, "filters-desktop-light", DESKTOP, "light").await?;
        self.picture(browser, "filters-phone-dark", PHONE, "dark").await?;

        browser.goto(&format!("/app/tasks/{task}")).await?;
        browser.reads("#reminders .badge", "Scheduled").await?;
        self.picture(browser, "task-phone-dark", PHONE, "dark").await?;
        self.picture(browser, "task-desktop-light", DESKTOP, "light").await?;

        browser.forgives("status of 422");
        browser.goto("/app").await?;
        browser.click("#create summary").await?;
        browser.picks("#due", "2031-05-01T09:30").await?;
        browser.chooses("#reminder", "custom").await?;
        browser.fills("#reminder_number", "-5").await?;
        browser.click("#create button.primary").await?;
        browser.sees(".errors").await?;
        self.picture(browser, "errors-phone-light", PHONE, "light").await
    }

    /// One picture of the top of the page, at rest.
    async fn picture(&self, browser: &Browser, name: &str, (width, height): (u32, u32), scheme: &str) -> Result<()> {
        browser.measures(width, height).await?;
        browser.wears(scheme).await?;
        browser.js::<Option<bool>>("scrollTo({ top: 0, behavior: 'instant' }); return null", ()).await?;
        let at_rest =
            "document.getAnimations().length === 0 && matchMedia('(prefers-color-scheme: dark)').matches === arguments[0]";
        browser.until("the page is at rest", PATIENCE, at_rest, [scheme == "dark"]).await?;
        let png = browser.picture().await?;
        ensure!(png.len() <= LARGEST, "{name} has {} bytes", png.len());
        let path = self.folder.join(format!("{name}.png"));
        std::fs::write(&path, png).with_context(|| path.display().to_string())
    }
}

/// What somebody may have to do; the id of one task that has everything.
async fn a_day(account: &Account) -> Result<String> {
    let now: DateTime<Utc> = SystemTime::now().into();
    let person = &account.person;
    let tasks = [
        json!({ "title": "Renew the library card", "priority": "low", "due_at": now + TimeDelta::days(12) }),
        json!({ "title": "Book the train to Lübeck", "tag_names": ["travel"] }),
        json!({ "title": "Water the plants", "tag_names": ["home"], "due_at": now + TimeDelta::hours(30) }),
        json!({ "title": "Call the dentist", "due_at": now - TimeDelta::hours(26) }),
    ];
    for body in &tasks {
        person.create_task(body).await?;
    }
    let begun =
        person.create_task(&json!({ "title": "Read the draft of chapter three", "tag_names": ["work", "reading"] })).await?;
    person.patch(&format!("/tasks/{}", begun.id), &json!({ "status": "in_progress" })).await?.is(200)?;
    let body = json!({ "title": "Submit report", "priority": "high", "due_at": now + TimeDelta::minutes(185), "tag_names": ["work"],
        "reminder_offset_minutes": 60, "description": "Figures of the third quarter.\nAsk Grace about the last table." });
    Ok(person.create_task(&body).await?.id.to_string())
}
