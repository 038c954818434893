//! `/app/messages`: the person's conversations, and beginning one.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;
use contracts::Page;
use serde_json::json;
use service::Code;
use service::fields::{self, integer};
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::page::{self, Shell};
use crate::people::{self, Person};
use crate::talk::{ApiConversation, Line};
use crate::visitor::Visitor;

/// Conversations on one page.
const LIMIT: i64 = 20;
/// Conversations whose unread messages are counted: those where something was said last.
const COUNTED: i64 = 100;
const CONTROLS: [(&str, &str, &str); 2] = [("title", "called", "Title"), ("member_ids", "with", "People")];

/// What is shown of the list.
struct ListView {
    lines: Vec<Line>,
    page: i64,
    has_more: bool,
}

/// The form of a new conversation.
struct BeginForm {
    title: String,
    chosen: Vec<String>,
    /// A repeat with the same one begins nothing more.
    key: String,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    shell: Shell,
    view: ListView,
    form: BeginForm,
    /// Absent when they cannot be shown.
    people: Option<Vec<Person>>,
}

#[derive(Template)]
#[template(path = "parts/conversations.html")]
struct ListFragment {
    view: ListView,
}

#[derive(Template)]
#[template(path = "parts/begin.html")]
struct BeginFragment {
    shell: Shell,
    form: BeginForm,
    people: Option<Vec<Person>>,
}

#[derive(Template)]
#[template(path = "parts/unread_messages.html")]
struct Unread {
    unread: i64,
}

impl BeginForm {
    fn new() -> Self {
        Self { title: String::new(), chosen: Vec::new(), key: Uuid::new_v4().to_string(), errors: Errors::default() }
    }

    fn has(&self, person: &Uuid) -> bool {
        self.chosen.iter().any(|chosen| *chosen == person.to_string())
    }
}

/// `GET`; to script the list alone.
///
/// # Errors
/// When messaging does not answer.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let page = fields::Fields::of_query(query.as_deref()).optional("page", |value| integer(value, 1, 10_000)).unwrap_or(1);
    if visitor.wants_fragment() {
        return page::html(StatusCode::OK, &ListFragment { view: list(&visitor, page).await? });
    }
    page_with(&visitor, page, BeginForm::new(), StatusCode::OK).await
}

/// `GET /app/messages/unread`: the number in the navigation, for script.
///
/// # Errors
/// When nobody is signed in. What cannot be counted is not shown.
pub async fn unread(visitor: Visitor) -> Result<Response, Failure> {
    let unread = match conversations(&visitor, COUNTED, 0).await {
        Ok(found) => found.items.iter().map(|conversation| conversation.unread_count).sum(),
        Err(failure) if failure.is_fatal() => return Err(failure),
        Err(failure) => {
            tracing::warn!(?failure, "unread messages not counted");
            0
        }
    };
    page::html(StatusCode::OK, &Unread { unread })
}

/// `POST`: begins one and leads there.
///
/// # Errors
/// When messaging does not answer.
pub async fn begin(form: Form) -> Result<Response, Failure> {
    let (visitor, fields) = (&form.visitor, &form.fields);
    let typed = BeginForm {
        title: fields.get("title").trim().into(),
        chosen: fields.all("with"),
        key: fields.or("key", &Uuid::new_v4().to_string()),
        errors: Errors::default(),
    };
    if typed.chosen.is_empty() {
        return refused(visitor, BeginForm { errors: Errors::one("with", "Choose at least one person."), ..typed }).await;
    }
    let title = Some(&typed.title).filter(|title| !title.is_empty());
    let call = Call::new(Method::POST, "messaging", &["v1", "conversations"])
        .body(json!({ "title": title, "member_ids": typed.chosen }))
        .header(HeaderName::from_static("idempotency-key"), &typed.key);
    match visitor.call(call).await {
        Ok(answer) => Ok(visitor.go(&format!("/app/messages/{}", answer.json::<ApiConversation>()?.id))),
        Err(Failure::Refused(body)) if body.code == Code::KeyReused => {
            let errors =
                Errors::one("called", "This was begun before as you first filled it in. Begin it once more to have both.");
            refused(visitor, BeginForm { errors, key: BeginForm::new().key, ..typed }).await
        }
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 409 | 422) => {
            refused(visitor, BeginForm { errors: Errors::of(&body, &CONTROLS), ..typed }).await
        }
        Err(failure) => Err(failure),
    }
}

async fn refused(visitor: &Visitor, form: BeginForm) -> Result<Response, Failure> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if visitor.wants_fragment() {
        let people = people::others(visitor).await;
        return page::html(status, &BeginFragment { shell: visitor.shell("", "", None), form, people });
    }
    page_with(visitor, 1, form, status).await
}

async fn page_with(visitor: &Visitor, page: i64, form: BeginForm, status: StatusCode) -> Result<Response, Failure> {
    let (view, people, unread) = tokio::join!(list(visitor, page), people::others(visitor), visitor.unread());
    let shell = visitor.shell("Messages", "messages", unread);
    visitor.page(status, &MessagesPage { shell, view: view?, form, people })
}

async fn list(visitor: &Visitor, page: i64) -> Result<ListView, Failure> {
    let found = conversations(visitor, LIMIT, (page - 1) * LIMIT).await?;
    let lines = found.items.iter().map(|conversation| conversation.line(visitor)).collect();
    Ok(ListView { lines, page, has_more: found.has_more })
}

async fn conversations(visitor: &Visitor, limit: i64, offset: i64) -> Result<Page<ApiConversation>, Failure> {
    let call = Call::get("messaging", &["v1", "conversations"]);
    visitor.call(call.query(&[("limit", limit.to_string()), ("offset", offset.to_string())])).await?.json()
}
