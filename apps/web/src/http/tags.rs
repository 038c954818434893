//! `GET /app/tags`: the names that a tag may have, for script to offer while somebody types.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use service::fields::{Fields, text};

use crate::api::Call;
use crate::failure::Failure;
use crate::page;
use crate::visitor::Visitor;

/// Names that are offered at a time: what a glance takes in.
const OFFERED: usize = 8;

#[derive(Deserialize)]
struct Tag {
    name: String,
    usage_count: i64,
}

#[derive(Template)]
#[template(path = "parts/tags.html")]
struct Offered {
    tags: Vec<Tag>,
}

/// `GET`; `search` is what was typed. Without it the most used.
///
/// # Errors
/// When tasks does not answer.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let search = Fields::of_query(query.as_deref()).optional("search", |value| text(value, 0, 50)).unwrap_or_default();
    let call = Call::get("tasks", &["tags"]).query(&[("search", search), ("limit", OFFERED.to_string())]);
    let tags = visitor.call(call).await?.json()?;
    page::html(StatusCode::OK, &Offered { tags })
}
