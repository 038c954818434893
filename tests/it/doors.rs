//! Doors: who gets in where. The table below says what can be reached from outside; the document of the API must say the same.

mod forged;
pub(crate) mod inner;
mod owners;
mod paths;
mod protection;
mod tokens;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{Suite, story};
use uuid::Uuid;

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Anyone.
    Anyone,
    /// A person with a token.
    Person,
    /// A person whose token has the scope `ops`.
    Operator,
}

/// One operation that can be reached from outside.
#[derive(Clone, Copy, Debug)]
struct Operation {
    method: &'static str,
    path: &'static str,
    app: &'static str,
    who: Who,
}

/// All of them.
const OPERATIONS: [Operation; 51] = [
    operation("GET", "/.well-known/jwks.json", "identity", Who::Anyone),
    operation("POST", "/auth/signup", "identity", Who::Anyone),
    operation("POST", "/auth/token", "identity", Who::Anyone),
    operation("POST", "/auth/refresh", "identity", Who::Anyone),
    operation("POST", "/auth/revoke", "identity", Who::Anyone),
    operation("GET", "/users/me/preferences", "identity", Who::Person),
    operation("PATCH", "/users/me/preferences", "identity", Who::Person),
    operation("GET", "/people", "identity", Who::Person),
    operation("POST", "/invitations", "identity", Who::Person),
    operation("GET", "/invitations", "identity", Who::Person),
    operation("DELETE", "/invitations/{id}", "identity", Who::Person),
    operation("GET", "/tasks", "tasks", Who::Person),
    operation("POST", "/tasks", "tasks", Who::Person),
    operation("GET", "/tasks/changes", "tasks", Who::Person),
    operation("POST", "/tasks/import", "tasks", Who::Person),
    operation("GET", "/tasks/export", "tasks", Who::Person),
    operation("POST", "/tasks/feed", "tasks", Who::Person),
    operation("GET", "/tasks/feed", "tasks", Who::Person),
    operation("DELETE", "/tasks/feed", "tasks", Who::Person),
    operation("GET", "/tasks/feed.ics", "tasks", Who::Anyone),
    operation("POST", "/tasks/bulk", "tasks", Who::Person),
    operation("GET", "/tasks/{id}", "tasks", Who::Person),
    operation("GET", "/tasks/{id}/history", "tasks", Who::Person),
    operation("PATCH", "/tasks/{id}", "tasks", Who::Person),
    operation("DELETE", "/tasks/{id}", "tasks", Who::Person),
    operation("POST", "/tasks/{id}/complete", "tasks", Who::Person),
    operation("POST", "/tasks/{id}/restore", "tasks", Who::Person),
    operation("POST", "/tasks/{id}/undo", "tasks", Who::Person),
    operation("DELETE", "/tasks/{id}/recurrence", "tasks", Who::Person),
    operation("GET", "/tags", "tasks", Who::Person),
    operation("POST", "/tags", "tasks", Who::Person),
    operation("DELETE", "/tags/{id}", "tasks", Who::Person),
    operation("GET", "/tasks/{id}/reminders", "reminders", Who::Person),
    operation("POST", "/tasks/{id}/reminders", "reminders", Who::Person),
    operation("DELETE", "/tasks/{id}/reminders/{reminder_id}", "reminders", Who::Person),
    operation("GET", "/notifications", "notifications", Who::Person),
    operation("POST", "/notifications/read", "notifications", Who::Person),
    operation("POST", "/notifications/{id}/read", "notifications", Who::Person),
    operation("POST", "/v1/messages", "messaging", Who::Person),
    operation("GET", "/v1/conversations", "messaging", Who::Person),
    operation("POST", "/v1/conversations", "messaging", Who::Person),
    operation("GET", "/v1/conversations/{id}", "messaging", Who::Person),
    operation("POST", "/v1/conversations/{id}/members", "messaging", Who::Person),
    operation("DELETE", "/v1/conversations/{id}/members/{user_id}", "messaging", Who::Person),
    operation("GET", "/v1/conversations/{id}/messages", "messaging", Who::Person),
    operation("POST", "/v1/conversations/{id}/read", "messaging", Who::Person),
    operation("GET", "/audit-logs", "audit", Who::Person),
    operation("GET", "/v1/admin/dlq", "audit", Who::Operator),
    operation("GET", "/v1/admin/dlq/{id}", "audit", Who::Operator),
    operation("POST", "/v1/admin/dlq/{id}/replay", "audit", Who::Operator),
    operation("POST", "/v1/admin/dlq/{id}/discard", "audit", Who::Operator),
];

const fn operation(method: &'static str, path: &'static str, app: &'static str, who: Who) -> Operation {
    Operation { method, path, app, who }
}

impl Operation {
    /// The path with an id of nothing for each parameter.
    fn nobodys(&self) -> String {
        let segment = |text: &str| if text.starts_with('{') { Uuid::now_v7().to_string() } else { text.to_owned() };
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// Its place in the document.
    fn described<'a>(&self, document: &'a Value) -> Result<&'a Value> {
        let found = document["paths"].get(self.path).and_then(|item| item.get(self.method.to_ascii_lowercase()));
        found.with_context(|| format!("{} {} is not in the document", self.method, self.path))
    }

    /// The document's own example of a body; nothing for an operation without one.
    ///
    /// # Errors
    /// When an operation takes a body and shows none.
    fn example(&self, document: &Value) -> Result<Option<Value>> {
        let Some(body) = self.described(document)?.get("requestBody") else { return Ok(None) };
        let content = &body["content"]["application/json"];
        let schema = match content["schema"]["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => &content["schema"],
        };
        let shown = content.get("example").or_else(|| schema.get("example")).or_else(|| schema["examples"].get(0));
        Ok(Some(shown.with_context(|| format!("{} {} shows no example of its body", self.method, self.path))?.clone()))
    }
}

/// The document that the front door gives.
async fn document(suite: &Suite) -> Result<Value> {
    Ok(suite.client().get(suite.url("/openapi.json")).send().await?.error_for_status()?.json().await?)
}

#[tokio::test]
async fn contract_the_document_and_the_table_of_doors_name_the_same_operations() -> Result<()> {
    story(async |suite, _| {
        let document = document(&suite).await?;
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().context("paths")? {
            for (method, operation) in item.as_object().context("operations")? {
                let app = operation["tags"][0].as_str().unwrap_or("no tag");
                let door = operation["x-door"].as_str().unwrap_or("no x-door");
                described.insert(format!("{} {path} {app} {door}", method.to_ascii_uppercase()));
            }
        }
        let door = |who| if who == Who::Anyone { "open" } else { "public" };
        let expected: BTreeSet<String> = OPERATIONS
            .iter()
            .map(|operation| format!("{} {} {} {}", operation.method, operation.path, operation.app, door(operation.who)))
            .collect();
        let only_described: Vec<_> = described.difference(&expected).collect();
        let only_expected: Vec<_> = expected.difference(&described).collect();
        ensure!(only_described.is_empty(), "described, but without a row here: {only_described:#?}");
        ensure!(only_expected.is_empty(), "in the table, but not described: {only_expected:#?}");
        for operation in OPERATIONS {
            operation.example(&document)?;
            let demanded = !operation.described(&document)?["security"].is_null();
            ensure!(demanded == (operation.who != Who::Anyone), "{} {}: security {demanded}", operation.method, operation.path);
        }
        Ok(())
    })
    .await
}
