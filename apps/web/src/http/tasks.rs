//! `GET /app`: the list of tasks; to script, its changing part.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::Page;
use contracts::task::Task;
use service::fields::{Fields, uuid};
use sidecar::Context;
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::list::{List, STATUSES};
use crate::page::{self, Shell};
use crate::task_form::TaskForm;
use crate::view::Row;
use crate::visitor::Visitor;

/// The changing part.
pub struct ListView {
    list: List,
    rows: Vec<Row>,
    total: i64,
    has_more: bool,
    /// Why there is no list, what to do, and the number to quote.
    problem: Option<(String, String)>,
    csrf: String,
    back: String,
    /// Where the forms of a row are.
    place: &'static str,
    /// What of this page is asked for again.
    href: String,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    shell: Shell,
    view: ListView,
    form: TaskForm,
    zone: &'static str,
    back: String,
    /// Just made, and read from more than its title.
    added: Option<Row>,
    deleted: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "parts/list.html")]
struct ListFragment {
    view: ListView,
}

/// `GET`.
///
/// # Errors
/// When nobody is signed in. A list that cannot be had is said in its place.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let list = List::of(query.as_deref());
    if visitor.wants_fragment() {
        let (status, view) = view(&visitor, list).await?;
        return page::html(status, &ListFragment { view });
    }
    let mut told = Fields::of_query(query.as_deref());
    let (added, deleted) = (told.optional("added", uuid), told.optional("deleted", uuid));
    let added = async { visitor.task(&added?.to_string()).await.ok() };
    let added = added.await.map(|task| Row::of(&task, visitor.zone(), visitor.now()));
    page_with(&visitor, list, TaskForm::new(), added, deleted, StatusCode::OK).await
}

/// The whole page, around a form that may have been refused.
///
/// # Errors
/// When nobody is signed in.
pub async fn page_with(
    visitor: &Visitor,
    list: List,
    form: TaskForm,
    added: Option<Row>,
    deleted: Option<Uuid>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let back = list.href();
    let (search, (read, unread)) = (list.search.clone(), tokio::join!(view(visitor, list), visitor.unread()));
    let (list_status, view) = read?;
    let status = if list_status.is_success() { status } else { list_status };
    let shell = Shell { search, ..visitor.shell("Tasks", "tasks", unread) };
    let form = form.dated(visitor.zone(), visitor.now());
    visitor.page(status, &TasksPage { shell, view, form, zone: visitor.zone().name(), back, added, deleted })
}

async fn view(visitor: &Visitor, list: List) -> Result<(StatusCode, ListView), Failure> {
    let call = Call::get("tasks", &["tasks"]).query(&list.query(visitor.zone(), visitor.now()));
    let read = async { visitor.call(call).await?.json::<Page<Task>>() };
    let (zone, now, href) = (visitor.zone(), visitor.now(), list.href());
    let nothing = ListView {
        rows: Vec::new(),
        total: 0,
        has_more: false,
        problem: None,
        csrf: visitor.csrf(),
        back: href.clone(),
        place: "row",
        href,
        list,
    };
    match read.await {
        Ok(found) => {
            let rows = found.items.iter().map(|task| Row::of(task, zone, now)).collect();
            Ok((StatusCode::OK, ListView { rows, total: found.total, has_more: found.has_more, ..nothing }))
        }
        Err(failure) if failure.is_fatal() => Err(failure),
        Err(failure) => {
            tracing::warn!(?failure, "the list was not read");
            let problem =
                Some((format!("{}. {}", failure.title(), failure.advice()), Context::current().correlation_id.to_string()));
            Ok((failure.status(), ListView { problem, ..nothing }))
        }
    }
}

impl ListView {
    /// The tabs: label, address, whether it is this one.
    fn statuses(&self) -> Vec<(&'static str, String, bool)> {
        STATUSES.iter().map(|(name, label, _)| (*label, self.list.with_status(name).href(), *name == self.list.status)).collect()
    }

    /// How many, in words.
    fn count(&self) -> String {
        let what = match self.list.status {
            "open" => "open ",
            "in_progress" => "begun ",
            "completed" => "completed ",
            _ => "",
        };
        format!("{} {what}{}", self.total, if self.total == 1 { "task" } else { "tasks" })
    }
}
