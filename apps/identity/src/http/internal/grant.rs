//! `POST /internal/users/grant`: `outrigger users grant` makes someone an operator.

use axum::extract::State;
use axum::{Extension, Json};
use contracts::token::SCOPE_OPS;
use service::Problem;
use service::door::CallingApp;
use service::request::JsonBody;

use super::only;
use crate::store::Granted;
use crate::{Context, account};

/// Gives a person a scope; it is in every token they get from now on.
///
/// # Errors
/// 404 when nobody has the address; 403 for another app than cli.
pub async fn grant(
    State(context): State<Context>,
    Extension(app): Extension<CallingApp>,
    body: JsonBody,
) -> Result<Json<Granted>, Problem> {
    only("cli", &app)?;
    let mut fields = body.fields;
    let email = fields.required("email", account::email).unwrap_or_default();
    fields.required("scope", |value| if value == SCOPE_OPS { Ok(()) } else { Err(format!("must be {SCOPE_OPS}")) });
    fields.finish()?;
    if !context.store.grant(&email, SCOPE_OPS).await? {
        return Err(Problem::not_found());
    }
    let granted = context.store.granted(&email).await?.ok_or_else(Problem::not_found)?;
    tracing::info!(user_id = %granted.user_id, scope = SCOPE_OPS, "granted");
    Ok(Json(granted))
}
