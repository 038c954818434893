//! `/app/preferences/feed`: the address under which a calendar program reads the tasks. It is shown once, where it was made.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::preferences;
use crate::api::Call;
use crate::failure::Failure;
use crate::form::Form;
use crate::page;
use crate::view::Moment;
use crate::visitor::Visitor;

/// What is shown of it.
pub struct FeedView {
    /// Since when there is one.
    pub(super) since: Option<Moment>,
    /// Its address, where it was just made.
    pub(super) url: Option<String>,
    /// Whether tasks could not be asked.
    pub(super) unknown: bool,
    /// Token of its forms.
    pub(super) csrf: String,
}

#[derive(Template)]
#[template(path = "parts/feed.html")]
struct FeedFragment {
    feed: FeedView,
}

/// As the API answers it; the address only when it was just made.
#[derive(Deserialize)]
struct Feed {
    created_at: DateTime<Utc>,
    url: Option<String>,
}

/// Makes it, or gives it a new address.
///
/// # Errors
/// When tasks does not answer.
pub async fn make(form: Form) -> Result<Response, Failure> {
    let made = form.visitor.call(Call::new(Method::POST, "tasks", &["tasks", "feed"])).await?.json()?;
    // No redirect: the address may stand in no other.
    answer(&form.visitor, of(&form.visitor, Some(made))).await
}

/// Revokes it; one that is gone already stays gone.
///
/// # Errors
/// When tasks does not answer.
pub async fn revoke(form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    match visitor.call(Call::new(Method::DELETE, "tasks", &["tasks", "feed"])).await {
        Err(Failure::Refused(body)) if body.status == 404 => {}
        revoked => drop(revoked?),
    }
    if !visitor.wants_fragment() {
        return Ok(visitor.go("/app/preferences#feed"));
    }
    answer(visitor, of(visitor, None)).await
}

/// What there is; a page about other things is shown without it.
pub async fn view(visitor: &Visitor) -> FeedView {
    match visitor.call(Call::get("tasks", &["tasks", "feed"])).await.and_then(|found| found.json()) {
        Ok(feed) => of(visitor, Some(feed)),
        Err(Failure::Refused(body)) if body.status == 404 => of(visitor, None),
        Err(failure) => {
            tracing::warn!(?failure, "the calendar feed was not asked for");
            FeedView { unknown: true, ..of(visitor, None) }
        }
    }
}

fn of(visitor: &Visitor, feed: Option<Feed>) -> FeedView {
    let since = feed.as_ref().map(|feed| Moment::of(feed.created_at, visitor.zone(), visitor.now()));
    FeedView { since, url: feed.and_then(|feed| feed.url), unknown: false, csrf: visitor.csrf() }
}

async fn answer(visitor: &Visitor, feed: FeedView) -> Result<Response, Failure> {
    match visitor.wants_fragment() {
        true => page::html(StatusCode::OK, &FeedFragment { feed }),
        false => preferences::page_with(visitor, feed).await,
    }
}
