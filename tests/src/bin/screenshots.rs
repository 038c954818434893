//! Takes the pictures of `docs/screenshots`: a suite of its own, a day's tasks, and Chromium. `scripts/screenshots.sh` runs it.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::task::Status;
use serde_json::json;
use tests::page::{Account, Browser, PASSWORD, PATIENCE, Setup, browse};
use tests::{Person, Suite, eventually};
use uuid::Uuid;

const PHONE: (u32, u32) = (375, 740);
const DESKTOP: (u32, u32) = (1120, 720);
/// What another program wrote: tasks to take, one with a date that is not understood, and things that are none.
const IMPORTED: &str = "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE\n\
task,Buy shoes @errands,,1,1,,,tomorrow,en,Europe/Berlin\ntask,Stretch,Ten minutes are enough,4,1,,,every day,en,Europe/Berlin\n\
task,Read a book @evening,,3,1,,,every! friday,en,Europe/Berlin\nsection,Later,,,,,,,,\n";
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
        for (path, name) in [("/", "landing"), ("/app/sign-in", "sign-in"), ("/app/sign-up", "sign-up")] {
            browser.goto(path).await?;
            self.both(browser, name).await?;
        }
        let account = Account::sign_up(browser, suite).await?;
        self.picture(browser, "list-empty-phone-light", PHONE, "light").await?;

        let task = a_day(&account).await?;
        let series = a_series(&account).await?;
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
        self.both(browser, "task").await?;
        self.told(browser, &account).await?;
        self.talk(suite, browser, &account).await?;
        self.others(suite, browser, &account, &series).await?;
        self.helps(browser).await?;

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

    /// A reminder that comes while the list is open, and where it is kept.
    async fn told(&self, browser: &Browser, account: &Account) -> Result<()> {
        browser.goto("/app").await?;
        let now: DateTime<Utc> = SystemTime::now().into();
        let body = json!({ "title": "Look at the oven", "due_at": now + TimeDelta::seconds(62), "reminder_offset_minutes": 1 });
        account.person.create_task(&body).await?;
        browser.reads(".banner-title", "Look at the oven").await?;
        browser.sees("#tasks .due[data-state=soon]").await?;
        self.picture(browser, "banner-desktop-light", DESKTOP, "light").await?;
        self.picture(browser, "banner-phone-dark", PHONE, "dark").await?;
        browser.goto("/app/notifications").await?;
        self.both(browser, "notifications").await
    }

    /// A conversation with somebody of the team, and the list with what is not read of another.
    async fn talk(&self, suite: &Suite, browser: &Browser, account: &Account) -> Result<()> {
        let mut others = Vec::new();
        for name in ["Ben", "Cleo"] {
            let code = account.person.post("/invitations", &json!({})).await?.is(201)?.json()["code"].clone();
            let email = format!("{}@example.com", name.to_lowercase());
            let body = json!({ "email": email, "display_name": name, "password": PASSWORD, "invitation": code });
            let joined = account.person.post("/auth/signup", &body).await?.is(201)?.json();
            let id = |field: &str| serde_json::from_value::<Uuid>(joined[field].clone());
            others.push(Person { user_id: id("user_id")?, tenant_id: id("tenant_id")?, ..suite.person()? }.with_token(|_| {})?);
        }
        let begin = async |title: Option<&str>, members: &[Person]| {
            let ids: Vec<Uuid> = members.iter().map(|person| person.user_id).collect();
            let begun = eventually("they are known", PATIENCE, async || {
                let begun = account.person.post("/v1/conversations", &json!({ "title": title, "member_ids": ids })).await?;
                Ok((begun.status != 422).then_some(begun))
            });
            Ok::<_, anyhow::Error>(begun.await?.is(201)?.json()["id"].as_str().context("an id")?.to_owned())
        };
        let say = async |person: &Person, conversation: &str, content: &str| {
            let body = json!({ "id": Uuid::now_v7(), "conversation_id": conversation, "content": content });
            person.post("/v1/messages", &body).await?.is(202).map(drop)
        };
        let (launch, ben) = (begin(Some("Launch"), &others).await?, begin(None, &others[..1]).await?);
        say(&others[0], &launch, "The venue is booked for the 14th.").await?;
        say(&others[1], &launch, "Then I write to the speakers today.").await?;
        say(&account.person, &launch, "Good. I ask for the slides at the end of the week.").await?;
        for other in &others {
            other.post(&format!("/v1/conversations/{launch}/read"), &json!({})).await?.is(200)?;
        }
        browser.goto(&format!("/app/messages/{launch}")).await?;
        browser.sees("#said .badge").await?;
        self.both(browser, "thread").await?;
        say(&others[0], &ben, "Lunch at one?").await?;
        browser.goto("/app/messages").await?;
        browser.sees("#conversations .count").await?;
        browser.sees("#unread-messages").await?;
        self.both(browser, "messages").await
    }

    /// The other pages: what was completed, preferences, an address of nothing, a team, a file that was looked at.
    async fn others(&self, suite: &Suite, browser: &Browser, account: &Account, series: &str) -> Result<()> {
        browser.forgives("status of 404");
        let series = format!("/app/tasks/{series}/history");
        for (path, name) in [
            ("/app/history", "history"),
            (series.as_str(), "series"),
            ("/app/preferences", "preferences"),
            ("/app/no/such/page", "error"),
        ] {
            browser.goto(path).await?;
            self.both(browser, name).await?;
        }
        let invitation = account.person.post("/invitations", &json!({})).await?.is(201)?.json();
        let grace = json!({ "email": "grace@example.com", "display_name": "Grace", "password": PASSWORD, "invitation": invitation["code"] });
        account.person.post("/auth/signup", &grace).await?.is(201)?;
        browser.goto("/app/people").await?;
        browser.types("#invite-email", "hedy@example.com").await?;
        browser.click("#invite-make").await?;
        browser.sees("#invitation-link").await?;
        self.both(browser, "people").await?;
        let file = suite.stack().run_dir().join("todoist.csv");
        std::fs::write(&file, IMPORTED)?;
        browser.measures(DESKTOP.0, DESKTOP.1).await?;
        browser.goto("/app/import").await?;
        browser.types("#file", &file.display().to_string()).await?;
        browser.click("#look").await?;
        browser.sees("#take").await?;
        self.both(browser, "import").await
    }

    /// Several tasks selected, a change that can be taken back, the keys.
    async fn helps(&self, browser: &Browser) -> Result<()> {
        browser.measures(DESKTOP.0, DESKTOP.1).await?;
        browser.goto("/app").await?;
        browser.click("#choosing").await?;
        browser.click("#tasks .row:nth-child(2) .pick input").await?;
        browser.click("#tasks .row:nth-child(4) .pick input").await?;
        browser.reads("#picked", "2 selected").await?;
        self.both(browser, "select").await?;
        browser.chooses("#bulk-action", "later_week").await?;
        browser.click("#bulk-do").await?;
        browser.sees("[data-undo]").await?;
        self.picture(browser, "undo-phone-light", PHONE, "light").await?;
        browser.presses("?").await?;
        browser.sees("dialog[open]").await?;
        self.picture(browser, "keys-desktop-light", DESKTOP, "light").await
    }

    /// Light on a desktop, dark on a phone.
    async fn both(&self, browser: &Browser, name: &str) -> Result<()> {
        self.picture(browser, &format!("{name}-desktop-light"), DESKTOP, "light").await?;
        self.picture(browser, &format!("{name}-phone-dark"), PHONE, "dark").await
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

/// A task that came three times and stands there for the fourth; its id.
async fn a_series(account: &Account) -> Result<String> {
    let person = &account.person;
    let now: DateTime<Utc> = SystemTime::now().into();
    let pattern = json!({ "pattern_type": "daily", "interval": 1, "end_type": "never" });
    let body = json!({ "title": "Walk the dog", "due_at": now - TimeDelta::hours(50), "recurrence_pattern": pattern, "tag_names": ["home"] });
    let mut open = person.create_task(&body).await?.id;
    for _ in 0..3 {
        person.complete(open).await?;
        open = eventually("it comes again", PATIENCE, async || {
            let items = person.list("?search=dog").await?.items;
            Ok(items.iter().find(|task| task.status == Status::Todo && task.id != open).map(|task| task.id))
        })
        .await?;
    }
    Ok(open.to_string())
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
