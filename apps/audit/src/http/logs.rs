//! `GET /audit-logs`: who did what and when. A person sees their own rows, an operator all.

use axum::Json;
use axum::extract::{RawQuery, State as Shared};
use contracts::Page;
use serde_json::Value;
use service::fields::{self, Fields, Ruled};
use service::{Caller, Code, Problem};

use crate::State;
use crate::record::AuditLog;
use crate::store::LogFilter;

/// Longest name in a filter: actions and kinds of things are far shorter, correlation ids end there.
const MAX_NAME: usize = 128;

/// Lists rows of the log.
///
/// # Errors
/// 403 for another person's rows, 422 for a broken filter.
#[utoipa::path(
    get, path = "/audit-logs", tag = "audit",
    params(
        ("user_id" = Option<uuid::Uuid>, Query, description = "Who did it; another person's only for operators"),
        ("entity_type" = Option<String>, Query, description = "Kind of thing: task, reminder, user, conversation or dead_letter"),
        ("entity_id" = Option<uuid::Uuid>, Query, description = "The thing"),
        ("action" = Option<String>, Query, description = "What was done, such as task.created"),
        ("correlation_id" = Option<String>, Query, description = "Of the request that caused it"),
        ("start" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Happened then or later"),
        ("end" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Happened before"),
        ("limit" = Option<i64>, Query, description = "1-100, 20 when absent"),
        ("offset" = Option<i64>, Query, description = "Rows before the page"),
    ),
    responses((status = 200, description = "One page, newest first", body = Page<AuditLog>), (status = 403, description = "Another person's rows", body = service::problem::Body, content_type = "application/problem+json"), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<AuditLog>>, Problem> {
    let mut filter = filter_of(query.as_deref())?;
    if !caller.is_operator() {
        if filter.user_id.is_some_and(|user_id| user_id != caller.user_id) {
            return Err(Problem::new(Code::Forbidden, "Only operators may read what other people did."));
        }
        filter.user_id = Some(caller.user_id);
    }
    Ok(Json(state.store.logs(&filter).await?))
}

fn filter_of(query: Option<&str>) -> Result<LogFilter, Problem> {
    let mut fields = Fields::of_query(query);
    let mut filter = LogFilter {
        user_id: fields.optional("user_id", fields::uuid),
        entity_type: fields.optional("entity_type", name),
        entity_id: fields.optional("entity_id", fields::uuid),
        action: fields.optional("action", name),
        correlation_id: fields.optional("correlation_id", name),
        start_at: fields.optional("start", fields::instant),
        end_at: fields.optional("end", fields::instant),
        ..LogFilter::default()
    };
    (filter.page_size, filter.page_start) = fields::page(&mut fields);
    if filter.start_at.zip(filter.end_at).is_some_and(|(start, end)| end < start) {
        fields.refuse("end", "must not be before start");
    }
    fields.finish()?;
    Ok(filter)
}

/// A name in a filter.
pub fn name(value: &Value) -> Ruled<String> {
    fields::text(value, 1, MAX_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_is_read_by_its_own_rule() {
        let filter =
            filter_of(Some("action=task.created&start=2026-03-01T10:00:00Z&end=2026-03-01T11:00:00%2B01:00&limit=5&offset=10"))
                .unwrap();
        assert_eq!(filter.action.as_deref(), Some("task.created"));
        assert_eq!(filter.start_at, filter.end_at, "eleven at +01:00 is ten in UTC");
        assert_eq!((filter.page_size, filter.page_start), (5, 10));
    }

    #[test]
    fn every_broken_filter_is_named() {
        let problem =
            filter_of(Some("user_id=me&start=2026-03-02T00:00:00Z&end=2026-03-01T00:00:00Z&limit=0&order=asc")).unwrap_err();
        let named: Vec<&str> = problem.errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, ["user_id", "limit", "end", "order"]);
    }
}
