//! `POST /app/tasks/bulk`: one action on the selected tasks, and `/undo`, which takes it back.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Days, Utc};
use contracts::task::Priority;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{self, Call};
use crate::failure::Failure;
use crate::form::{self, Fields, Form};
use crate::page;
use crate::visitor::Visitor;

/// As the API answers it.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Done>,
}

/// What became of one task.
#[derive(Deserialize)]
struct Done {
    id: Uuid,
    outcome: String,
    previous: Option<Previous>,
}

/// What it was.
#[derive(Deserialize)]
struct Previous {
    priority: Priority,
    due_at: Option<DateTime<Utc>>,
    tags: Vec<String>,
}

/// A body of `POST /tasks/bulk`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    ids: Vec<Uuid>,
    action: Value,
}

#[derive(Template)]
#[template(path = "parts/bulk_done.html")]
struct Changed {
    said: String,
    /// Bodies that take it back, as JSON; empty where nothing does.
    undo: String,
    csrf: String,
    back: String,
}

/// Does it to all that are selected.
///
/// # Errors
/// When tasks refuses or does not answer.
pub async fn submit(form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let ids: Vec<Uuid> = form.fields.all("ids").iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        return Err(refused("Select the tasks first."));
    }
    let action = action(&form.fields, visitor)?;
    let results = call(visitor, &Step { ids, action: action.clone() }).await?.results;
    let count = |outcome: &str| results.iter().filter(|done| done.outcome == outcome).count();
    let undo = steps_back(&action, &results);
    let done = count("changed");
    let what = if results.len() == 1 { "task" } else { "tasks" };
    let of = if done == results.len() { String::new() } else { format!("of {} ", results.len()) };
    let mut said = format!("{done} {of}{what} {}", words(&action));
    for (outcome, words) in [("refused", "a rule stands against"), ("not_found", "are gone")] {
        if count(outcome) > 0 {
            said.push_str(&format!("; {} {words}", count(outcome)));
        }
    }
    let undo = if undo.is_empty() { String::new() } else { json!(undo).to_string() };
    answer(&form, said, undo)
}

/// Takes it back.
///
/// # Errors
/// When tasks refuses or does not answer.
pub async fn undo(form: Form) -> Result<Response, Failure> {
    let steps: Vec<Step> = serde_json::from_str(form.fields.get("steps")).map_err(|_| Failure::Unreadable)?;
    for step in &steps {
        call(&form.visitor, step).await?;
    }
    answer(&form, "Taken back".into(), String::new())
}

async fn call(visitor: &Visitor, step: &Step) -> Result<Answer, Failure> {
    visitor.call(Call::new(Method::POST, "tasks", &["tasks", "bulk"]).body(json!(step))).await?.json()
}

fn answer(form: &Form, said: String, undo: String) -> Result<Response, Failure> {
    let back = page::back(Some(form.fields.get("back")));
    if !form.visitor.wants_fragment() {
        return Ok(form.visitor.go(&back));
    }
    page::html(StatusCode::OK, &Changed { said, undo, csrf: form.visitor.csrf(), back })
}

/// The API's action for what was chosen.
fn action(fields: &Fields, visitor: &Visitor) -> Result<Value, Failure> {
    let names = form::names(fields.get("bulk_tags"));
    let today = visitor.now().with_timezone(&visitor.zone()).date_naive();
    let end_of = |days: u64| calendar::instant(calendar::end_of(today + Days::new(days)), visitor.zone());
    Ok(match fields.get("what") {
        "complete" => json!({ "complete": true }),
        "reopen" => json!({ "reopen": true }),
        "delete" => json!({ "delete": true }),
        "high" | "medium" | "low" => json!({ "priority": fields.get("what") }),
        "today" => json!({ "due_at": end_of(0) }),
        "tomorrow" => json!({ "due_at": end_of(1) }),
        "never" => json!({ "due_at": null }),
        "later_day" => json!({ "shift": { "days": 1 } }),
        "later_week" => json!({ "shift": { "days": 7 } }),
        "add_tags" | "remove_tags" if names.is_empty() => return Err(refused("Write the tags first.")),
        "add_tags" => json!({ "add_tags": names }),
        "remove_tags" => json!({ "remove_tags": names }),
        _ => return Err(refused("Choose what to do with them first.")),
    })
}

fn refused(detail: &str) -> Failure {
    Failure::Refused(Box::new(api::problem(StatusCode::UNPROCESSABLE_ENTITY, "Not yet", detail)))
}

fn words(action: &Value) -> &'static str {
    let is = |name: &str| action.get(name).is_some();
    match () {
        () if is("complete") => "completed",
        () if is("reopen") => "reopened",
        () if is("delete") => "deleted",
        () if is("restore") => "restored",
        () if is("priority") => "given another priority",
        () if is("due_at") || is("shift") => "given another date",
        () if is("add_tags") => "tagged",
        () => "untagged",
    }
}

/// What takes an action back: for each task what it was, those that were the same together.
fn steps_back(action: &Value, results: &[Done]) -> Vec<Step> {
    let is = |name: &str| action.get(name).is_some();
    let named = |name: &str| -> Vec<String> {
        action[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let bore = |before: &Previous, name: &str| before.tags.iter().any(|tag| tag.to_lowercase() == name.to_lowercase());
    let mut steps: Vec<Step> = Vec::new();
    for done in results.iter().filter(|done| done.outcome == "changed") {
        let Some(before) = &done.previous else { continue };
        let back = match () {
            () if is("complete") => json!({ "reopen": true }),
            () if is("reopen") => json!({ "complete": true }),
            () if is("delete") => json!({ "restore": true }),
            () if is("priority") => json!({ "priority": before.priority }),
            () if is("due_at") || is("shift") => json!({ "due_at": before.due_at }),
            () if is("add_tags") => {
                json!({ "remove_tags": named("add_tags").into_iter().filter(|name| !bore(before, name)).collect::<Vec<_>>() })
            }
            () => json!({ "add_tags": named("remove_tags").into_iter().filter(|name| bore(before, name)).collect::<Vec<_>>() }),
        };
        match steps.iter_mut().find(|step| step.action == back) {
            Some(step) => step.ids.push(done.id),
            None => steps.push(Step { ids: vec![done.id], action: back }),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_an_action_back_is_what_each_task_was() {
        let done = |number: u128, priority: Priority, tags: &[&str]| Done {
            id: Uuid::from_u128(number),
            outcome: "changed".into(),
            previous: Some(Previous { priority, due_at: None, tags: tags.iter().map(|tag| (*tag).to_owned()).collect() }),
        };
        let results = [done(1, Priority::High, &["home"]), done(2, Priority::Low, &[]), done(3, Priority::High, &["Work"])];
        let ids = |numbers: &[u128]| numbers.iter().map(|number| Uuid::from_u128(*number)).collect::<Vec<_>>();
        let steps = steps_back(&json!({ "priority": "medium" }), &results);
        assert_eq!(
            steps,
            [
                Step { ids: ids(&[1, 3]), action: json!({ "priority": "high" }) },
                Step { ids: ids(&[2]), action: json!({ "priority": "low" }) }
            ]
        );
        // A tag that was borne before is not taken away.
        let steps = steps_back(&json!({ "add_tags": ["work", "new"] }), &results);
        assert_eq!(steps[0], Step { ids: ids(&[1, 2]), action: json!({ "remove_tags": ["work", "new"] }) });
        assert_eq!(steps[1], Step { ids: ids(&[3]), action: json!({ "remove_tags": ["new"] }) });
    }
}
