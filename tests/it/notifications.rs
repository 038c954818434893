//! Notifications: on which channels a person is told, in which words, how often it is tried, and that it is once.

mod attempts;
mod channels;
mod refusals;
mod twice;
mod words;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::{Value, json};
use stack::{Mail, Sms};
use tests::database::Database;
use tests::{Person, Suite, eventually};
use uuid::Uuid;

use crate::reminders::{SOON, now, to_tell_at};

/// Somebody with an address and a number, whose messages can be read.
#[derive(Clone)]
pub(crate) struct Reader {
    /// Who.
    pub(crate) person: Person,
    /// Their address.
    pub(crate) email: String,
    /// Their number.
    pub(crate) phone: String,
}

/// What a person is told on, in the order page, mail, SMS.
type Switches = [bool; 3];

impl Reader {
    /// Signs up, sets the switches, and waits until notifications knows of them.
    pub(crate) async fn new(suite: &Suite, [in_app, email, sms]: Switches) -> Result<Self> {
        let person = Person::signed_up(suite.clone()).await?;
        // Fifteen digits at most, and nobody else's in this run.
        let phone = format!("+49{:012}", person.user_id.as_u128() % 1_000_000_000_000);
        let settings = json!({ "phone": phone, "notification_preferences": { "in_app": in_app, "email": email, "sms": sms } });
        let known = prefer(&person, &settings).await?;
        let email = known["email"].as_str().context("an address")?.to_owned();
        Ok(Self { person, email, phone })
    }

    /// Makes a task that is told on the next tick.
    pub(crate) async fn remind_now(&self, title: &str) -> Result<Uuid> {
        Ok(self.person.create_task(&to_tell_at(now() - TimeDelta::seconds(1), title)).await?.id)
    }

    /// Their mails so far.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.person.suite.stack().mails().into_iter().filter(|mail| mail.to.contains(&self.email)).collect()
    }

    /// Their text messages so far.
    pub(crate) fn texts(&self) -> Vec<Sms> {
        let is_mine = |sms: &Sms| sms.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("to") && *value == self.phone);
        self.person.suite.stack().sms().into_iter().filter(is_mine).collect()
    }

    /// What they were told in the page, newest first.
    pub(crate) async fn notes(&self) -> Result<Vec<Value>> {
        let page = self.person.get("/notifications?limit=100").await?.is(200)?.json();
        page["items"].as_array().cloned().context("items")
    }
}

/// Changes a person's settings, waits until notifications has taken them over, and gives them as they are.
async fn prefer(person: &Person, settings: &Value) -> Result<Value> {
    let answer = person.patch("/users/me/preferences", settings).await?.is(200)?.json();
    let (version, database) = (answer["version"].as_i64().context("a version")?, Database::of(&person.suite).await?);
    let known = "select count(*) from notifications.user_settings where user_id = $1 and version = $2";
    eventually("notifications knows how they want to be told", SOON, async || {
        Ok((database.count(known, &[&person.user_id, &version]).await? == 1).then_some(()))
    })
    .await?;
    Ok(answer)
}

/// The shared suite, when all that a story of being told needs is part of this run.
async fn suite() -> Result<Option<Suite>> {
    let suite = Suite::shared().await?;
    Ok(Some(suite).filter(|suite| suite.runs("reminders") && suite.runs("notifications")))
}
