//! `/app/people`: who shares the person's tenant, and whom it still waits for.

use std::collections::HashMap;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::Page;
use service::fields::{Fields, integer};
use uuid::Uuid;

use super::invitations::{self, InvitationsView};
use crate::failure::Failure;
use crate::page::Shell;
use crate::people::{Person, read};
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    shell: Shell,
    people: Vec<PersonView>,
    page: i64,
    has_more: bool,
    view: InvitationsView,
}

/// Somebody in the list.
struct PersonView {
    name: String,
    email: String,
    is_self: bool,
}

/// `GET`.
///
/// # Errors
/// When identity does not answer.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let page = Fields::of_query(query.as_deref()).optional("page", |value| integer(value, 1, 10_000)).unwrap_or(1);
    let (people, open, unread) = tokio::join!(read(&visitor, page), invitations::open(&visitor), visitor.unread());
    let people = people?;
    let view = InvitationsView::of(&visitor, open?, &names(&people));
    answer(&visitor, StatusCode::OK, page, people, view, unread)
}

/// The first page, around an invitation that was just made or refused.
///
/// # Errors
/// When it cannot be rendered.
pub async fn page_with(
    visitor: &Visitor,
    status: StatusCode,
    people: Page<Person>,
    view: InvitationsView,
) -> Result<Response, Failure> {
    answer(visitor, status, 1, people, view, visitor.unread().await)
}

/// What each of them is called.
pub fn names(people: &Page<Person>) -> HashMap<Uuid, &str> {
    people.items.iter().map(|person| (person.id, person.display_name.as_str())).collect()
}

fn answer(
    visitor: &Visitor,
    status: StatusCode,
    page: i64,
    people: Page<Person>,
    view: InvitationsView,
    unread: Option<i64>,
) -> Result<Response, Failure> {
    let shown = |person: Person| PersonView {
        name: person.display_name,
        email: person.email,
        is_self: person.id == visitor.person.user.id,
    };
    let (shell, has_more) = (visitor.shell("People", "", unread), people.has_more);
    let people = people.items.into_iter().map(shown).collect();
    visitor.page(status, &PeoplePage { shell, people, page, has_more, view })
}
