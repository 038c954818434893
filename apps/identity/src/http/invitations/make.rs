//! `POST /invitations`: a link by which one more person comes into the caller's tenant.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use serde::Serialize;
use service::request::JsonBody;
use service::secret::{self, Hash};
use service::{Caller, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::Life;
use crate::{Context, account, invitation};

/// Whom somebody invites.
#[derive(ToSchema)]
pub struct InvitationRequest {
    /// The only address that may use it; whoever has the link, when absent.
    pub email: Option<String>,
}

/// An invitation that was just made. Code and link are shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewInvitation {
    /// Which.
    pub id: Uuid,
    /// The only address that may use it; null: whoever has the link.
    pub email: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// 256 random bits, base64url: sign-up takes them as `invitation`. Not kept and never shown again.
    pub code: String,
    /// Where whoever is invited signs up.
    #[schema(example = "https://outrigger.example/app/sign-up?invitation=3q2-7w")]
    pub link: String,
}

/// Invite somebody
///
/// Makes a link by which one more person signs up into the caller's tenant, once. A repeat is another invitation: an `Idempotency-Key` would mean
/// to keep the code.
#[utoipa::path(
    post, path = "/invitations", tag = "invitations", operation_id = "make_invitation",
    request_body(content = InvitationRequest, example = json!({ "email": "grace@example.com" })),
    responses((status = 201, description = "Hand the link on; it is not shown again", body = NewInvitation), service::openapi::Refusals),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn make(
    State(context): State<Context>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<NewInvitation>), Problem> {
    let mut fields = body.fields;
    let email = fields.optional("email", account::email);
    fields.finish()?;
    let (id, code) = (Uuid::now_v7(), secret::new()?);
    let life = Life { now: context.clock.now(), length: context.settings.invitation };
    if !context.store.invite(id, &caller, email.as_deref(), &Hash::of(code.reveal()), life).await? {
        return Err(Problem::not_found());
    }
    context.metrics.invitation("made");
    let link = invitation::link(&context.public_url, &code);
    let answer = NewInvitation { id, email, created_at: life.now, expires_at: life.end(), code: code.reveal().to_owned(), link };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(answer)))
}
