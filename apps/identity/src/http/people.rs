//! `GET /people`: who shares the caller's tenant.

use axum::Json;
use axum::extract::State;
use contracts::Page;
use service::request::Paging;
use service::{Caller, Problem};

use crate::Context;
use crate::store::Person;

/// List the people of one's tenant
///
/// The caller among them, by name.
#[utoipa::path(
    get, path = "/people", tag = "people", operation_id = "list_people",
    params(
        ("limit" = Option<i64>, Query, description = "1-100, 20 when absent"),
        ("offset" = Option<i64>, Query, description = "People before the page"),
    ),
    responses((status = 200, description = "One page", body = Page<Person>), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(
    State(context): State<Context>,
    caller: Caller,
    Paging { limit, offset }: Paging,
) -> Result<Json<Page<Person>>, Problem> {
    Ok(Json(context.store.people(caller.tenant_id, (limit, offset)).await?))
}
