//! `/app/import`: the tasks of another program, looked at first and then taken; and ours, to take along.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::page::{self, Shell};
use crate::visitor::Visitor;

/// The formats that are read: the API's name and what people call it.
const FORMATS: [(&str, &str); 3] =
    [("ics", "iCalendar (.ics)"), ("todoist", "Todoist (.csv)"), ("taskwarrior", "Taskwarrior (.json)")];
/// The API's fields are not this page's: whatever is wrong is wrong with the file.
const CONTROLS: [(&str, &str, &str); 2] = [("body", "file", "The file"), ("format", "format", "The format")];

/// What became of a file, or would.
#[derive(Deserialize)]
struct Imported {
    dry_run: bool,
    created: usize,
    exists: usize,
    skipped: usize,
    items: Vec<Item>,
}

/// What became of one thing in it.
#[derive(Deserialize)]
struct Item {
    label: String,
    outcome: String,
    reason: Option<String>,
    lost: Vec<String>,
}

/// What the page shows.
#[derive(Default)]
struct View {
    csrf: String,
    format: String,
    /// The file that was looked at.
    text: String,
    found: Option<Imported>,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
    view: View,
}

#[derive(Template)]
#[template(path = "parts/import.html")]
struct ImportFragment {
    view: View,
}

/// `GET`.
///
/// # Errors
/// When it cannot be rendered.
pub async fn show(visitor: Visitor) -> Result<Response, Failure> {
    let view = View { csrf: visitor.csrf(), format: "ics".into(), ..View::default() };
    answer(&visitor, StatusCode::OK, view).await
}

/// Looks at a file, or takes one that was looked at.
///
/// # Errors
/// When tasks does not answer.
pub async fn submit(form: Form) -> Result<Response, Failure> {
    let (visitor, fields) = (&form.visitor, &form.fields);
    let text = if fields.get("file").is_empty() { fields.get("text") } else { fields.get("file") }.to_owned();
    let format = fields.or("format", "ics");
    let mut view = View { csrf: visitor.csrf(), format: format.clone(), text: text.clone(), ..View::default() };
    if text.trim().is_empty() {
        view.errors = Errors::one("file", "Choose a file that is not empty.");
        return answer(visitor, StatusCode::UNPROCESSABLE_ENTITY, view).await;
    }
    let look = fields.get("step") != "take";
    let call = Call::new(Method::POST, "tasks", &["tasks", "import"]).query(&[("format", format), ("dry_run", look.to_string())]);
    match visitor.call(call.text(text)).await {
        Ok(found) => view.found = Some(found.json()?),
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 413 | 422) => {
            view.errors = Errors::of(&body, &CONTROLS);
            return answer(visitor, StatusCode::UNPROCESSABLE_ENTITY, view).await;
        }
        Err(failure) => return Err(failure),
    }
    answer(visitor, StatusCode::OK, view).await
}

async fn answer(visitor: &Visitor, status: StatusCode, view: View) -> Result<Response, Failure> {
    if visitor.wants_fragment() {
        return page::html(status, &ImportFragment { view });
    }
    let shell = visitor.shell("Import and export", "preferences", visitor.unread().await);
    visitor.page(status, &ImportPage { shell, view })
}

impl Imported {
    /// What became of it, or would, in one sentence.
    fn said(&self) -> String {
        let new = if self.dry_run { ("would be new", "would be new") } else { ("is new", "are new") };
        let all = [
            (self.created, new),
            (self.exists, ("was here before", "were here before")),
            (self.skipped, ("is no task", "are no tasks")),
        ];
        let some = all.into_iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> =
            some.map(|(count, words)| format!("{count} {}", if count == 1 { words.0 } else { words.1 })).collect();
        if said.is_empty() { "There is nothing in this file.".into() } else { format!("{}.", said.join(", ")) }
    }
}

impl Item {
    /// What became of it, in a word.
    fn word(&self) -> &'static str {
        match self.outcome.as_str() {
            "created" => "New",
            "exists" => "Here before",
            _ => "No task",
        }
    }
}
