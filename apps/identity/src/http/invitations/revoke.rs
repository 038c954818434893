//! `DELETE /invitations/{id}`: its link lets nobody in any more.

use axum::extract::State;
use axum::http::StatusCode;
use service::request::Id;
use service::{Caller, Problem};

use crate::Context;

/// Revoke an invitation
///
/// Anyone of the tenant may. One that was used, revoked or has ended is found no more: whoever it let in stays.
#[utoipa::path(
    delete, path = "/invitations/{id}", tag = "invitations", operation_id = "revoke_invitation",
    params(("id" = uuid::Uuid, Path, description = "Of the invitation")),
    responses((status = 204, description = "It lets nobody in"), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn revoke(State(context): State<Context>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    if !context.store.revoke_invitation(id, caller.tenant_id, context.clock.now()).await? {
        return Err(Problem::not_found());
    }
    context.metrics.invitation("revoked");
    Ok(StatusCode::NO_CONTENT)
}
