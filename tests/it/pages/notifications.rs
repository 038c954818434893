//! What a person was told stays in the page until it is read, one by one or all at once.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use tests::eventually;
use tests::page::{PATIENCE, Setup};

use super::forms::Forms;
use super::{as_somebody, now};
use crate::reminders::to_tell_at;

/// All that was shown is read by one press; what comes after it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_all_that_was_told_is_marked_read_at_once() -> Result<()> {
    as_somebody("read-all", Setup::default(), async |suite, browser, account| {
        let person = &account.person;
        let remind = async |title: &str| person.create_task(&to_tell_at(now() + TimeDelta::seconds(1), title)).await;
        let unread = async |wanted: i64| {
            eventually(&format!("{wanted} are unread"), PATIENCE, async || {
                let page = person.get("/notifications?unread=true").await?.is(200)?.json();
                Ok((page["unread_count"] == wanted).then_some(()))
            })
            .await
        };
        for title in ["Call Ada", "Call Grace"] {
            remind(title).await?;
        }
        unread(2).await?;
        // A page that is not told of what comes: without script.
        let forms = Forms::sign_in(suite, &account.email).await?;
        let before = forms.get("/app/notifications").await?;
        let shown = [("csrf", before.hidden("csrf")?), ("until", before.hidden("until")?)];
        remind("Call Mary").await?;
        unread(3).await?;
        ensure!(forms.post("/app/notifications/read", &shown).await?.status == 303, "back to the list");
        unread(1).await?;

        browser.goto("/app/notifications").await?;
        browser.reads(".note:has(.dot) .name", "Call Mary").await?;
        browser.reads("#unread", "1").await?;
        browser.click("#read-all button").await?;
        browser.sees_no("#read-all").await?;
        browser.sees_no(".note .dot").await?;
        browser.sees_no("#unread").await?;
        unread(0).await
    })
    .await
}
