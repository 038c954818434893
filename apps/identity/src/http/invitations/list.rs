//! `GET /invitations`: whom the caller's tenant still waits for.

use axum::Json;
use axum::extract::State;
use contracts::Page;
use service::request::Paging;
use service::{Caller, Problem};

use crate::Context;
use crate::store::invitations::OpenInvitation;

/// List the open invitations
///
/// Those of the caller's tenant that were neither used nor revoked and have not ended, newest first. Their codes are not shown again.
#[utoipa::path(
    get, path = "/invitations", tag = "invitations", operation_id = "list_invitations",
    params(
        ("limit" = Option<i64>, Query, description = "1-100, 20 when absent"),
        ("offset" = Option<i64>, Query, description = "Invitations before the page"),
    ),
    responses((status = 200, description = "One page", body = Page<OpenInvitation>), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn list(
    State(context): State<Context>,
    caller: Caller,
    Paging { limit, offset }: Paging,
) -> Result<Json<Page<OpenInvitation>>, Problem> {
    Ok(Json(context.store.invitations(caller.tenant_id, context.clock.now(), (limit, offset)).await?))
}
