//! What a person reads: the title as they typed it, the time where they are, and the way to the task.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use mail_parser::MessageParser;
use serde_json::{Value, json};
use tests::{Person, story};
use uuid::Uuid;

use super::{Reader, prefer, suite};
use crate::reminders::{TOLD, shows};

/// What is markup in HTML, in a header and in SQL, in several scripts, one of them from right to left.
const TITLE: &str = "<img src=x onerror=alert(1)> & \"Größe\" 'x'; -- 報告書 Ωμέγα דוח عاجل 🧭";

/// The due time as it stands on a wall in that zone.
fn wall(due_at: DateTime<Utc>, zone: &str) -> Result<String> {
    let zone: Tz = zone.parse().ok().context("a zone")?;
    Ok(due_at.with_timezone(&zone).format("%A, %-d %B %Y, %H:%M").to_string())
}

#[tokio::test]
async fn flow_titles_of_any_script_reach_every_channel_as_text_with_the_time_where_the_person_is() -> Result<()> {
    let Some(suite) = suite().await? else { return Ok(()) };
    let reader = Reader::new(&suite, [true, true, true]).await?;
    // Never the day, nor the quarter of an hour, that UTC has.
    for zone in ["Asia/Kathmandu", "America/St_Johns"] {
        prefer(&reader.person, &json!({ "timezone": zone })).await?;
        let task = reader.remind_now(TITLE).await?;
        shows(&reader.person, task, TOLD, &[(1, "delivered")]).await?;
        let link = suite.url(&format!("/app/tasks/{task}"));
        let read = reader.person.get(&format!("/tasks/{task}")).await?.is(200)?.json();
        let time = wall(serde_json::from_value(read["due_at"].clone())?, zone)?;

        let note = reader.notes().await?.into_iter().next().context("told in the page")?;
        let body = note["body"].as_str().unwrap_or_default();
        ensure!(note["title"] == TITLE && body.contains(&time) && body.contains(zone), "{time}: {note}");

        let mail = reader.mails().pop().context("told by mail")?;
        ensure!(mail.to == [reader.email.clone()], "to one: {:?}", mail.to);
        read_mail(&mail.content, &[&time, zone], &link)?;

        let sms = reader.texts().pop().context("told by SMS")?;
        let short = sms.body.strip_prefix(TITLE).context("begins with the title")?;
        ensure!(short.contains(&time) && short.contains(zone) && short.ends_with(&link), "{sms:?}");
        ensure!(sms.headers.iter().any(|(_, value)| value == "text/plain; charset=utf-8"), "{:?}", sms.headers);
    }
    ensure!(reader.mails().len() == 2 && reader.texts().len() == 2, "each once");
    suite.settled(&[reader.person.tenant_id]).await
}

/// A mail program shows the title as text, the words and the link, and knows whose mail it is.
fn read_mail(raw: &str, words: &[&str], link: &str) -> Result<()> {
    let mail = MessageParser::default().parse(raw.as_bytes()).context("the mail can be parsed")?;
    let html = mail.body_html(0).context("the mail has a body")?.into_owned();
    let subject = mail.subject().unwrap_or_default();
    ensure!(subject == format!("Reminder: {TITLE}"), "subject: {subject}");
    let escaped =
        TITLE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;");
    ensure!(html.contains(&format!("<h1>{escaped}</h1>")) && !html.contains("<img"), "{html}");
    ensure!(words.iter().all(|word| html.contains(word)), "{words:?}: {html}");
    ensure!(html.contains(&format!("href=\"{link}\"")), "{link}: {html}");
    let ends = html.split_once("ref: ").and_then(|(_, rest)| rest.split_once("-email")).map(|(id, _)| id.parse::<Uuid>());
    ensure!(matches!(ends, Some(Ok(_))), "{html}");
    let from = mail.from().and_then(|from| from.first()).and_then(|from| from.address.as_deref());
    ensure!(from == Some("reminders@outrigger.example"), "from {from:?}");
    Ok(())
}

#[tokio::test]
async fn contract_a_person_sets_their_zone_and_channels_and_no_other_zone_than_there_is() -> Result<()> {
    story(async |suite, stranger| {
        let path = "/users/me/preferences";
        let sign_up = |zone: Value| {
            let email = format!("zone.{}@example.com", Uuid::new_v4().simple());
            json!({ "email": email, "display_name": "Ada", "password": "correct horse battery", "timezone": zone })
        };
        let refused = stranger.post("/auth/signup", &sign_up(json!("Mars/Base"))).await?;
        ensure!(refused.is(422)?.fields() == ["timezone"], "{}", refused.body);
        let account: Value = stranger.post("/auth/signup", &sign_up(Value::Null)).await?.expect(201)?;
        let id = |field: &str| account[field].as_str().unwrap_or_default().parse::<Uuid>();
        let person = Person { user_id: id("user_id")?, tenant_id: id("tenant_id")?, ..Person::new(suite.clone())? };
        let person = person.with_token(|_| {})?;

        let first = person.get(path).await?.is(200)?.json();
        let (channels, nothing) = (json!({ "in_app": true, "email": true, "sms": false }), Value::Null);
        ensure!(first["timezone"] == "UTC" && first["notification_preferences"] == channels, "{first}");
        ensure!(first["phone"] == nothing && first["email"].as_str().is_some_and(|email| email.starts_with("zone.")), "{first}");
        for (body, field) in [
            (json!({ "timezone": "Mars/Base" }), "timezone"),
            (json!({ "timezone": "+01:00" }), "timezone"),
            (json!({ "timezone": null }), "timezone"),
            (json!({ "notification_preferences": { "sms": true } }), "notification_preferences.sms"),
            (json!({ "notification_preferences": { "fax": true } }), "notification_preferences.fax"),
            (json!({ "phone": "0151 2345" }), "phone"),
        ] {
            let refused = person.patch(path, &body).await?;
            ensure!(refused.is(422)?.fields() == [field], "{body}: {}", refused.body);
        }
        ensure!(person.get(path).await?.is(200)?.json() == first, "nothing changed");

        let wanted = json!({ "timezone": "Pacific/Auckland", "phone": "+49 151 2345678", "notification_preferences": { "sms": true, "email": false } });
        let set = person.patch(path, &wanted).await?.is(200)?.json();
        let channels = json!({ "in_app": true, "email": false, "sms": true });
        ensure!(set["timezone"] == "Pacific/Auckland" && set["phone"] == "+491512345678", "{set}");
        ensure!(set["notification_preferences"] == channels && set["version"] == 2, "{set}");
        ensure!(person.get(path).await?.is(200)?.json() == set, "read back");
        suite.settled(&[person.tenant_id]).await
    })
    .await
}
