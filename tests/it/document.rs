//! The document keeps its word: what is answered has the status, the type and the shape that `/openapi.json` says.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use http::Method;
use serde_json::{Map, Value, json};
use tests::{Answer, Person, story};
use uuid::Uuid;

/// The document, and which operations it was held against.
struct Document {
    whole: Value,
    seen: BTreeSet<String>,
}

impl Document {
    /// Sends a request to an operation and holds the answer against what the document says of it. `path` is the document's own.
    async fn ask(&mut self, person: &Person, method: Method, path: &str, id: &str, body: Value, status: u16) -> Result<Answer> {
        let target = path.replacen("{id}", id, 1);
        let (target, query) = target.split_once('?').map_or((target.as_str(), ""), |(target, query)| (target, query));
        let sent = (!body.is_null()).then(|| body.to_string().into_bytes());
        let answer = person.send(method.clone(), &format!("{target}?{query}"), &[], sent).await?;
        let path = path.split('?').next().unwrap_or(path);
        self.holds(&method, path, answer.is(status).with_context(|| format!("{method} {path}"))?)
            .with_context(|| format!("{method} {path} answered {status}: {}", answer.body))?;
        Ok(answer)
    }

    fn holds(&mut self, method: &Method, path: &str, answer: &Answer) -> Result<()> {
        self.seen.insert(format!("{method} {path}"));
        let operation = &self.whole["paths"][path][method.as_str().to_ascii_lowercase()];
        let response = &operation["responses"][answer.status.as_str()];
        ensure!(response.is_object(), "the status is not described");
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            ensure!(answer.body.is_empty(), "no body is described");
            return Ok(());
        };
        let media = answer.header("content-type").split(';').next().unwrap_or_default();
        let described = content.get(media).with_context(|| format!("{media} is not described"))?;
        self.fits(&described["schema"], &serde_json::from_str(&answer.body)?, "")
    }

    /// Whether a value has the shape of a schema, as far as our schemas say anything (JSON Schema 2020-12).
    fn fits(&self, schema: &Value, value: &Value, at: &str) -> Result<()> {
        if let Some(reference) = schema["$ref"].as_str() {
            let schema = self.whole.pointer(reference.trim_start_matches('#')).with_context(|| reference.to_owned())?;
            return self.fits(schema, value, at);
        }
        let list = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
        let one: Vec<Value> = [list("oneOf"), list("anyOf")].concat();
        if !one.is_empty() {
            ensure!(one.iter().any(|each| self.fits(each, value, at).is_ok()), "{at} is none of {one:?}: {value}");
        }
        for each in list("allOf") {
            self.fits(&each, value, at)?;
        }
        let types: Vec<Value> = if schema["type"].is_string() { vec![schema["type"].clone()] } else { list("type") };
        ensure!(types.is_empty() || types.iter().any(|name| is_a(name, value)), "{at} is no {types:?}: {value}");
        let values = list("enum");
        ensure!(values.is_empty() || values.contains(value), "{at} is none of {values:?}: {value}");
        match (schema["format"].as_str(), value.as_str()) {
            (Some("uuid"), Some(text)) => drop(text.parse::<Uuid>().with_context(|| at.to_owned())?),
            (Some("date-time"), Some(text)) => drop(chrono::DateTime::parse_from_rfc3339(text).with_context(|| at.to_owned())?),
            _ => {}
        }
        if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
            self.fields(schema, properties, object, at)?;
        }
        for (number, item) in value.as_array().into_iter().flatten().enumerate() {
            self.fits(&schema["items"], item, &format!("{at}/{number}"))?;
        }
        Ok(())
    }

    fn fields(&self, schema: &Value, properties: &Map<String, Value>, object: &Map<String, Value>, at: &str) -> Result<()> {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            ensure!(object.contains_key(name), "{at} has no {name}");
        }
        for (name, value) in object {
            match properties.get(name) {
                Some(property) => self.fits(property, value, &format!("{at}/{name}"))?,
                // Parts of a schema that is put together know only their own.
                None if at.is_empty() && !schema["description"].is_string() => {}
                None => bail!("{at} has {name}, which is not described"),
            }
        }
        Ok(())
    }
}

fn is_a(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn contract_what_is_answered_is_what_the_document_says() -> Result<()> {
    story(async |suite, person| {
        let whole: Value = suite.client().get(suite.url("/openapi.json")).send().await?.error_for_status()?.json().await?;
        let mut document = Document { whole, seen: BTreeSet::new() };
        of_tasks(&mut document, &person).await?;
        of_people(&mut document, &person).await?;
        of_the_log(&mut document, &person).await?;
        let stranger = Person { token: "a.b.c".to_owned(), ..person.clone() };
        let paths = document.whole["paths"].as_object().cloned().unwrap_or_default();
        for (path, item) in &paths {
            for (method, operation) in item.as_object().into_iter().flatten().filter(|(_, each)| !each["security"].is_null()) {
                let method: Method = method.to_ascii_uppercase().parse()?;
                let body = if operation["requestBody"].is_null() { Value::Null } else { json!({}) };
                document.ask(&stranger, method, path, &Uuid::now_v7().to_string(), body, 401).await?;
            }
        }
        ensure!(document.seen.len() >= 25, "{} operations: {:?}", document.seen.len(), document.seen);
        Ok(())
    })
    .await
}

async fn of_tasks(document: &mut Document, person: &Person) -> Result<()> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let full = json!({
        "title": "Report", "description": "d", "priority": "high", "due_at": "2031-01-01T10:00:00Z", "reminder_offset_minutes": 5,
        "tag_names": ["work"],
        "recurrence_pattern": { "pattern_type": "weekly", "interval": 1, "days_of_week": ["MO"], "end_type": "never" },
    });
    let made = document.ask(person, post.clone(), "/tasks", "", full, 201).await?;
    let id = id_of(&made);
    let nobodys = Uuid::now_v7().to_string();
    for (method, path, id, body, status) in [
        (&post, "/tasks", "", json!({ "title": "" }), 422),
        (&get, "/tasks", "", Value::Null, 200),
        (&get, "/tasks?sort=colour", "", Value::Null, 422),
        (
            &post,
            "/tasks/import?format=taskwarrior",
            "",
            json!([{ "description": "a" }, { "description": "b", "status": "deleted" }]),
            200,
        ),
        (&post, "/tasks/import?format=ics", "", json!([]), 422),
        (&get, "/tasks/export", "", Value::Null, 200),
        (&get, "/tasks/export?format=pdf", "", Value::Null, 422),
        (&get, "/tasks/feed", "", Value::Null, 404),
        (&post, "/tasks/feed", "", Value::Null, 201),
        (&get, "/tasks/feed", "", Value::Null, 200),
        (&get, "/tasks/feed.ics?key=x", "", Value::Null, 404),
        (&delete, "/tasks/feed", "", Value::Null, 204),
        (&post, "/tasks/{id}/undo", &id, Value::Null, 410),
        (&get, "/tasks/{id}", &id, Value::Null, 200),
        (&get, "/tasks/{id}", &nobodys, Value::Null, 404),
        (&patch, "/tasks/{id}", &id, json!({ "title": "b" }), 200),
        (&patch, "/tasks/{id}", &id, json!({ "status": 7 }), 422),
        (&post, "/tasks/{id}/reminders", &id, json!({ "offset_minutes": 60 }), 201),
        (&post, "/tasks/{id}/reminders", &id, json!({ "offset_minutes": 60 }), 409),
        (&get, "/tasks/{id}/reminders", &id, Value::Null, 200),
        (&delete, "/tasks/{id}/recurrence", &id, Value::Null, 200),
        (&post, "/tasks/bulk", "", json!({ "ids": [id, nobodys], "action": { "add_tags": ["garden"] } }), 200),
        (&post, "/tasks/bulk", "", json!({ "ids": [id], "action": {} }), 422),
        (&get, "/tasks/{id}/history", &id, Value::Null, 200),
        (&get, "/tasks/{id}/history", &nobodys, Value::Null, 404),
        (&post, "/tasks/{id}/complete", &id, json!({}), 200),
        (&delete, "/tasks/{id}", &id, Value::Null, 204),
        (&delete, "/tasks/{id}", &id, Value::Null, 404),
        (&post, "/tasks/{id}/restore", &id, json!({}), 200),
        (&get, "/tags", "", Value::Null, 200),
        (&post, "/tags", "", json!({ "name": "" }), 422),
        (&get, "/notifications", "", Value::Null, 200),
        (&post, "/notifications/{id}/read", &nobodys, json!({}), 404),
        (&post, "/notifications/read", "", json!({ "until": "2026-03-01T14:00:00Z" }), 200),
        (&post, "/notifications/read", "", json!({}), 422),
    ] {
        document.ask(person, method.clone(), path, id, body, status).await?;
    }
    document.ask(person, post.clone(), "/tags", "", json!({ "name": "home" }), 201).await?;
    let tag = id_of(&document.ask(person, post, "/tags", "", json!({ "name": "HOME" }), 200).await?);
    document.ask(person, delete, "/tags/{id}", &tag, Value::Null, 204).await.map(drop)
}

async fn of_people(document: &mut Document, person: &Person) -> Result<()> {
    let (get, post) = (Method::GET, Method::POST);
    let email = format!("{}@example.com", person.user_id.simple());
    let body = json!({ "email": email, "display_name": "Ada", "password": "correct horse battery", "timezone": "UTC" });
    let account = document.ask(person, post.clone(), "/auth/signup", "", body.clone(), 201).await?.json();
    document.ask(person, post.clone(), "/auth/signup", "", body, 409).await?;
    let credentials = json!({
        "grant_type": "client_credentials", "client_id": account["client_id"], "client_secret": account["client_secret"],
    });
    let token = document.ask(person, post.clone(), "/auth/token", "", credentials, 200).await?.json();
    let refresh = json!({ "refresh_token": token["refresh_token"] });
    document.ask(person, post.clone(), "/auth/refresh", "", refresh, 200).await?;
    document.ask(person, get.clone(), "/.well-known/jwks.json", "", Value::Null, 200).await?;
    let token = token["access_token"].as_str().unwrap_or_default().to_owned();
    let signed_up = Person { token, ..person.clone() };
    document.ask(&signed_up, get, "/users/me/preferences", "", Value::Null, 200).await?;
    let path = "/users/me/preferences";
    document.ask(&signed_up, Method::PATCH, path, "", json!({ "display_name": "Ada L." }), 200).await?;
    document.ask(&signed_up, Method::PATCH, path, "", json!({ "timezone": "Nowhere" }), 422).await?;
    document.ask(&signed_up, Method::GET, "/people", "", Value::Null, 200).await?;
    let path = "/invitations";
    document.ask(&signed_up, Method::POST, path, "", json!({ "email": "nobody" }), 422).await?;
    let invitation = id_of(&document.ask(&signed_up, Method::POST, path, "", json!({}), 201).await?);
    document.ask(&signed_up, Method::GET, path, "", Value::Null, 200).await?;
    document.ask(&signed_up, Method::GET, &format!("{path}?limit=0"), "", Value::Null, 422).await?;
    document.ask(&signed_up, Method::DELETE, &format!("{path}/{{id}}"), &invitation, Value::Null, 204).await?;
    document.ask(&signed_up, Method::DELETE, &format!("{path}/{{id}}"), &invitation, Value::Null, 404).await?;
    let tenant_id = serde_json::from_value(account["tenant_id"].clone())?;
    person.suite.settled(&[tenant_id]).await
}

async fn of_the_log(document: &mut Document, person: &Person) -> Result<()> {
    let (get, nobodys) = (Method::GET, Uuid::now_v7().to_string());
    let operator = person.with_token(|claims| claims.scope = "user ops".to_owned())?;
    document.ask(person, get.clone(), "/audit-logs", "", Value::Null, 200).await?;
    document.ask(person, get.clone(), &format!("/audit-logs?user_id={nobodys}"), "", Value::Null, 403).await?;
    document.ask(person, get.clone(), "/v1/admin/dlq", "", Value::Null, 403).await?;
    document.ask(&operator, get.clone(), "/v1/admin/dlq", "", Value::Null, 200).await?;
    document.ask(&operator, get, "/v1/admin/dlq/{id}", &nobodys, Value::Null, 404).await.map(drop)
}
