//! `GET /v1/admin/dlq`: the events that apps gave up.

use axum::Json;
use axum::extract::{RawQuery, State as Shared};
use contracts::Page;
use service::Problem;
use service::fields::{self, Fields};

use super::logs::name;
use crate::State;
use crate::letter::{State as LetterState, Summary};
use crate::operator::Operator;
use crate::store::LetterFilter;

/// Lists dead letters, without the events themselves.
///
/// # Errors
/// 403 without the scope `ops`, 422 for a broken filter.
#[utoipa::path(
    get, path = "/v1/admin/dlq", tag = "dead letters",
    params(
        ("state" = Option<String>, Query, description = "open, replayed or discarded"),
        ("topic" = Option<String>, Query, description = "Topic the event came from"),
        ("app" = Option<String>, Query, description = "App that gave up"),
        ("limit" = Option<i64>, Query, description = "1-100, 20 when absent"),
        ("offset" = Option<i64>, Query, description = "Letters before the page"),
    ),
    responses((status = 200, description = "One page, newest first", body = Page<Summary>), (status = 403, description = "Without the scope ops", body = service::problem::Body, content_type = "application/problem+json"), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(Shared(state): Shared<State>, _: Operator, RawQuery(query): RawQuery) -> Result<Json<Page<Summary>>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let mut filter = LetterFilter {
        state: fields.optional("state", |value| fields::one_of(value, &LetterState::ALL)),
        topic: fields.optional("topic", name),
        app: fields.optional("app", name),
        ..LetterFilter::default()
    };
    (filter.page_size, filter.page_start) = fields::page(&mut fields);
    fields.finish()?;
    Ok(Json(state.store.letters(&filter).await?))
}
