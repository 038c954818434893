//! `/app/people/invitations`: the links by which others come into the person's tenant. Each is shown once, where it was made.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use contracts::Page;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::people::{names, page_with};
use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::view::Moment;
use crate::visitor::Visitor;
use crate::{page, people};

const CONTROLS: [(&str, &str, &str); 1] = [("email", "invite-email", "Email")];

/// What is shown of them.
pub struct InvitationsView {
    pub(super) open: Vec<InvitationView>,
    /// How many are open that are not shown.
    pub(super) more: i64,
    /// The link, where it was just made.
    pub(super) link: Option<String>,
    /// What was typed and refused.
    pub(super) email: String,
    pub(super) errors: Errors,
    /// Token of its forms.
    pub(super) csrf: String,
}

/// One that is open.
pub struct InvitationView {
    pub(super) id: Uuid,
    /// Whom it is for.
    pub(super) whom: String,
    /// Who invited, as far as they are among the people that are shown.
    pub(super) by: Option<String>,
    pub(super) until: Moment,
}

#[derive(Template)]
#[template(path = "parts/invitations.html")]
struct InvitationsFragment {
    view: InvitationsView,
}

/// As the API answers it.
#[derive(Deserialize)]
pub struct Invitation {
    id: Uuid,
    email: Option<String>,
    user_id: Uuid,
    expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Made {
    link: String,
}

/// Invites somebody.
///
/// # Errors
/// When identity does not answer.
pub async fn make(form: Form) -> Result<Response, Failure> {
    let (visitor, email) = (&form.visitor, form.fields.get("email").trim());
    let body = if email.is_empty() { json!({}) } else { json!({ "email": email }) };
    match visitor.call(Call::new(Method::POST, "identity", &["invitations"]).body(body)).await {
        Ok(made) => {
            let link = Some(made.json::<Made>()?.link);
            // No redirect: the link may stand in no other address.
            answer(visitor, StatusCode::OK, |view| InvitationsView { link, ..view }).await
        }
        Err(Failure::Refused(body)) if body.status == 422 => {
            let errors = Errors::of(&body, &CONTROLS);
            let typed = |view| InvitationsView { email: email.to_owned(), errors, ..view };
            answer(visitor, StatusCode::UNPROCESSABLE_ENTITY, typed).await
        }
        Err(failure) => Err(failure),
    }
}

/// Withdraws one; one that is open no more stays so.
///
/// # Errors
/// When identity does not answer.
pub async fn revoke(Path(id): Path<Uuid>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    match visitor.call(Call::new(Method::DELETE, "identity", &["invitations", &id.to_string()])).await {
        Err(Failure::Refused(body)) if body.status == 404 => {}
        revoked => drop(revoked?),
    }
    if !visitor.wants_fragment() {
        return Ok(visitor.go("/app/people#invitations"));
    }
    answer(visitor, StatusCode::OK, |view| view).await
}

/// Those that are open, as the API answers them.
///
/// # Errors
/// When identity does not answer.
pub async fn open(visitor: &Visitor) -> Result<Page<Invitation>, Failure> {
    let limit = contracts::page::MAX_LIMIT.to_string();
    visitor.call(Call::get("identity", &["invitations"]).query(&[("limit", limit)])).await?.json()
}

impl InvitationsView {
    /// The open ones, and an empty form.
    pub fn of(visitor: &Visitor, open: Page<Invitation>, names: &HashMap<Uuid, &str>) -> Self {
        let more = open.total - open.items.len() as i64;
        let shown = |each: Invitation| InvitationView {
            id: each.id,
            whom: each.email.unwrap_or_else(|| "Whoever has the link".to_owned()),
            by: names.get(&each.user_id).map(|name| (*name).to_owned()),
            until: Moment::of(each.expires_at, visitor.zone(), visitor.now()),
        };
        let open = open.items.into_iter().map(shown).collect();
        Self { open, more, link: None, email: String::new(), errors: Errors::default(), csrf: visitor.csrf() }
    }
}

async fn answer(
    visitor: &Visitor,
    status: StatusCode,
    change: impl FnOnce(InvitationsView) -> InvitationsView,
) -> Result<Response, Failure> {
    let (people, open) = tokio::join!(people::read(visitor, 1), self::open(visitor));
    let people = people?;
    let view = change(InvitationsView::of(visitor, open?, &names(&people)));
    match visitor.wants_fragment() {
        true => page::html(status, &InvitationsFragment { view }),
        false => page_with(visitor, status, people, view).await,
    }
}
