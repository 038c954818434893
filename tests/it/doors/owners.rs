//! What belongs to one person does not exist for another: 404 on every path that names it, and nothing changes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};
use tests::{Person, Suite, eventually};

use super::{OPERATIONS, Who, document};

/// Soon after a write, other apps know of it.
const SOON: Duration = Duration::from_secs(60);
/// A reminder's time is a few seconds away, and a tick comes every 10 s.
const REMINDED: Duration = Duration::from_secs(90);

/// What everybody of a tenant has in common begins so.
const OF_THE_TENANT: &str = "/invitations/";

/// One thing of each kind that a person can own, by the start of the paths that name it.
struct Belongings {
    owner: Person,
    task: String,
    tag: String,
    invitation: String,
    reminder: Option<String>,
    notification: Option<String>,
    conversation: Option<String>,
}

impl Belongings {
    /// Makes them all, for somebody who signed up: a notification needs to know how its person wants to be told.
    async fn of(suite: &Suite) -> Result<Self> {
        let owner = &Person::signed_up(suite.clone()).await?;
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let due_at = now + TimeDelta::seconds(63);
        let task = json!({ "title": "mine", "tag_names": ["mine"], "due_at": due_at, "reminder_offset_minutes": 1 });
        let task = owner.create_task(&task).await?.id.to_string();
        let tag = text(&owner.get("/tags").await?.is(200)?.json()[0]["id"])?;
        let invitation = text(&owner.post("/invitations", &json!({})).await?.is(201)?.json()["id"])?;
        let mut belongings =
            Self { owner: owner.clone(), task, tag, invitation, reminder: None, notification: None, conversation: None };
        if owner.suite.runs("messaging") {
            let body = json!({ "title": "mine" });
            belongings.conversation = Some(text(&owner.post("/v1/conversations", &body).await?.is(201)?.json()["id"])?);
        }
        if owner.suite.runs("reminders") {
            let path = format!("/tasks/{}/reminders", belongings.task);
            belongings.reminder = Some(first(owner, &path, "", SOON).await?);
        }
        if owner.suite.runs("reminders") && owner.suite.runs("notifications") {
            belongings.notification = Some(first(owner, "/notifications", "/items", REMINDED).await?);
            // How it was delivered comes back to the reminder; only then does nothing move any more.
            let path = format!("/tasks/{}/reminders", belongings.task);
            eventually("the reminder knows how it was delivered", SOON, async || {
                let reminders = owner.get(&path).await?.is(200)?.json();
                Ok(matches!(reminders[0]["delivery_status"].as_str(), Some("delivered" | "failed")).then_some(()))
            })
            .await?;
        }
        Ok(belongings)
    }

    /// The path with the ids of these things; nothing when this run has no such thing.
    fn path(&self, template: &str) -> Option<String> {
        let id = match template {
            path if path.starts_with("/tags/") => &self.tag,
            path if path.starts_with(OF_THE_TENANT) => &self.invitation,
            path if path.starts_with("/notifications/") => self.notification.as_ref()?,
            path if path.starts_with("/v1/conversations/") => self.conversation.as_ref()?,
            _ => &self.task,
        };
        let reminder = self.reminder.as_deref();
        let path = template.replace("{id}", id).replace("{user_id}", &self.owner.user_id.to_string());
        if path.contains("{reminder_id}") { Some(path.replace("{reminder_id}", reminder?)) } else { Some(path) }
    }

    /// All of them as their owner sees them.
    async fn seen(&self) -> Result<Vec<Value>> {
        let mut paths = vec![format!("/tasks/{}", self.task), "/tasks".to_owned(), "/tags".to_owned(), "/invitations".to_owned()];
        paths.extend(self.reminder.as_ref().map(|_| format!("/tasks/{}/reminders", self.task)));
        paths.extend(self.notification.as_ref().map(|_| "/notifications".to_owned()));
        paths.extend(self.conversation.as_ref().map(|id| format!("/v1/conversations/{id}")));
        let mut seen = Vec::new();
        for path in paths {
            seen.push(self.owner.get(&path).await?.is(200).with_context(|| path.clone())?.json());
        }
        Ok(seen)
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}

/// The id of the first thing in a list, once there is one.
async fn first(owner: &Person, path: &str, within: &str, patience: Duration) -> Result<String> {
    eventually(path, patience, async || {
        let answer = owner.get(path).await?.is(200)?.json();
        Ok(answer.pointer(&format!("{within}/0/id")).and_then(Value::as_str).map(str::to_owned))
    })
    .await
}

#[tokio::test]
async fn contract_another_persons_things_are_not_found_on_any_path_and_stay_as_they_are() -> Result<()> {
    let suite = Suite::shared().await?;
    let document = document(&suite).await?;
    let belongings = Belongings::of(&suite).await?;
    let owner = &belongings.owner;
    // One who shares nothing, one of the same tenant, and one who looks after the suite: tasks are private to their owner.
    let stranger = suite.person()?;
    let colleague = suite.person()?.with_token(|claims| claims.tenant_id = Some(owner.tenant_id))?;
    let operator = suite.person()?.with_token(|claims| claims.scope = "user ops".to_owned())?;
    let before = belongings.seen().await?;
    let named = |operation: &&super::Operation| operation.path.contains('{') && operation.who == Who::Person;
    let mut tried = 0;
    for operation in OPERATIONS.iter().filter(named) {
        let Some(path) = belongings.path(operation.path) else { continue };
        let body = operation.example(&document)?.map(|example| example.to_string().into_bytes());
        for (who, other) in [("a stranger", &stranger), ("a colleague", &colleague), ("an operator", &operator)] {
            if who == "a colleague" && operation.path.starts_with(OF_THE_TENANT) {
                continue;
            }
            let answer = other.send(operation.method.parse::<Method>()?, &path, &[], body.clone()).await?;
            let context = || format!("{who}: {} {path}", operation.method);
            ensure!(answer.is(404).with_context(context)?.json()["code"] == "not_found", "{}", answer.body);
            ensure!(!answer.body.contains(&belongings.task), "{who}: {} {path}: {}", operation.method, answer.body);
            tried += 1;
        }
    }
    ensure!(tried >= 18, "only {tried} were tried");
    ensure!(belongings.seen().await? == before, "something changed: {before:#?}\n{:#?}", belongings.seen().await?);
    suite.settled(&[owner.tenant_id]).await
}

#[tokio::test]
async fn contract_lists_show_only_ones_own() -> Result<()> {
    let suite = Suite::shared().await?;
    let belongings = Belongings::of(&suite).await?;
    let owner = &belongings.owner;
    let colleague = suite.person()?.with_token(|claims| claims.tenant_id = Some(owner.tenant_id))?;
    for operation in OPERATIONS.iter().filter(|operation| operation.method == "GET" && operation.who == Who::Person) {
        if operation.path.contains('{') || operation.app == "identity" || !suite.runs(operation.app) {
            continue;
        }
        // One thing and no list: who has none does not see that a colleague has.
        if operation.path == "/tasks/feed" {
            owner.send(Method::POST, operation.path, &[], None).await?.is(201)?;
            colleague.get(operation.path).await?.is(404)?;
            continue;
        }
        let list = colleague.get(operation.path).await?.is(200)?.json();
        let items = list.get("items").or_else(|| list.get("changed")).unwrap_or(&list);
        ensure!(items == &json!([]), "{}: {list}", operation.path);
    }
    if suite.runs("audit") {
        let path = format!("/audit-logs?user_id={}", owner.user_id);
        colleague.get(&path).await?.is(403)?;
        eventually("the owner's log", SOON, async || {
            let rows = owner.get("/audit-logs").await?.is(200)?.json();
            Ok((rows["total"].as_i64() > Some(0)).then_some(()))
        })
        .await?;
    }
    ensure!(belongings.seen().await?[1]["total"] == 1, "the owner has one task");
    suite.settled(&[owner.tenant_id]).await
}
