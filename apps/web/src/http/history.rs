//! `GET /app/history`: what was completed.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::Page;
use contracts::task::Task;

use crate::api::Call;
use crate::failure::Failure;
use crate::list::List;
use crate::page::Shell;
use crate::view::Row;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    shell: Shell,
    rows: Vec<Row>,
    /// Where the tags of the rows lead.
    back: String,
    page: i64,
    has_more: bool,
    total: i64,
}

/// `GET`.
///
/// # Errors
/// When tasks does not answer.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let list = List { status: "completed", page: List::of(query.as_deref()).page, ..List::default() };
    let call = Call::get("tasks", &["tasks"]).query(&list.query(visitor.zone(), visitor.now()));
    let (read, unread) = tokio::join!(visitor.call(call), visitor.unread());
    let found: Page<Task> = read?.json()?;
    let mut rows: Vec<Row> = found.items.iter().map(|task| Row::of(task, visitor.zone(), visitor.now())).collect();
    rows.sort_by(|a, b| b.completed.as_ref().map(|at| &at.iso).cmp(&a.completed.as_ref().map(|at| &at.iso)));
    let shell = visitor.shell("History", "history", unread);
    visitor.page(
        StatusCode::OK,
        &HistoryPage {
            shell,
            rows,
            back: "/app?status=completed".into(),
            page: list.page,
            has_more: found.has_more,
            total: found.total,
        },
    )
}
