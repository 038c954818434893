//! `POST /auth/signup`: a new person with a first client, in a tenant of their own or that of whoever invited them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use contracts::user::{NotificationPreferences, User};
use serde::Serialize;
use service::config::Secret;
use service::fields::{self, Fields};
use service::problem::{Code, Problem};
use service::request::JsonBody;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::invitation::{self, Invitation};
use crate::store::EMAIL_ONCE;
use crate::{Context, account};
use service::secret::{self, Hash};

/// What someone says of themselves.
#[derive(ToSchema)]
pub struct SignUp {
    /// Address; told apart from others without regard to case.
    pub email: String,
    /// How they want to be called, 1 to 100 characters.
    pub display_name: String,
    /// 10 to 200 characters.
    pub password: String,
    /// IANA time zone; UTC when absent.
    pub timezone: Option<String>,
    /// The code of an invitation: they join its tenant. Absent: a tenant of their own.
    pub invitation: Option<String>,
}

/// What they get. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub struct SignedUp {
    /// Who they are from now on.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// What their programs sign in with.
    pub client_id: Uuid,
    /// 256 random bits, base64url; not kept and never shown again.
    pub client_secret: String,
}

/// A body that was read.
struct Draft {
    email: String,
    display_name: String,
    password: Secret,
    timezone: String,
    invitation: Option<Hash>,
}

impl Draft {
    fn of(mut fields: Fields) -> Result<Self, Problem> {
        let email = fields.required("email", account::email);
        let display_name = fields.required("display_name", account::display_name);
        let password = fields.required("password", account::password);
        let timezone = fields.optional("timezone", account::timezone).unwrap_or_else(|| "UTC".into());
        let invitation = fields.optional("invitation", |value| Ok(Hash::of(&fields::text(value, 1, 200)?)));
        fields.finish()?;
        match (email, display_name, password) {
            (Some(email), Some(display_name), Some(password)) => Ok(Self { email, display_name, password, timezone, invitation }),
            _ => Err(Problem::new(Code::BadRequest, "The body could not be read.")),
        }
    }
}

/// Sign up
///
/// Makes a person and a first client, in a tenant of their own or in that of an invitation, which it uses up. A repeat is refused because the
/// address is taken by then: an `Idempotency-Key` would mean to keep the secret.
#[utoipa::path(
    post, path = "/auth/signup", tag = "auth", operation_id = "sign_up",
    request_body(content = SignUp, example = json!({ "email": "ada@example.com", "display_name": "Ada", "password": "correct horse battery", "timezone": "Europe/Berlin" })),
    responses(
        (status = 201, description = "Welcome; keep the secret, it is not shown again", body = SignedUp),
        (status = 409, description = "The address has an account", body = service::problem::Body, content_type = "application/problem+json"),
        service::openapi::Refusals
    ),
    extensions(("x-door" = json!("open")))
)]
pub async fn sign_up(
    State(context): State<Context>,
    body: JsonBody,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<SignedUp>), Problem> {
    let answer = register(&context, Draft::of(body.fields)?).await;
    match &answer {
        Ok(_) => context.metrics.passed("sign_up"),
        Err(_) => context.metrics.refused("sign_up"),
    }
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(answer?)))
}

async fn register(context: &Context, draft: Draft) -> Result<SignedUp, Problem> {
    // Before the password is hashed, which costs a processor for a while.
    let invitation = invited(context, &draft).await?;
    let password_hash = context.passwords.hash(draft.password).await?;
    let user = User {
        id: Uuid::now_v7(),
        tenant_id: invitation.as_ref().map_or_else(Uuid::now_v7, |invitation| invitation.tenant_id),
        email: draft.email,
        display_name: draft.display_name,
        phone: None,
        timezone: draft.timezone,
        notification_preferences: NotificationPreferences::default(),
        version: 1,
        created_at: context.clock.now(),
    };
    let (client_id, client_secret) = (Uuid::now_v7(), secret::new()?);
    let (secret_hash, used) = (Hash::of(client_secret.reveal()), invitation.map(|invitation| invitation.id));
    match context.store.sign_up(&user, &password_hash, client_id, &secret_hash, used).await {
        Ok(true) => {}
        // Since it was looked at, somebody else has used it, or it was revoked.
        Ok(false) => return Err(not_open(context, &user.email).await?),
        Err(error) if error.constraint() == Some(EMAIL_ONCE) => return Err(taken()),
        Err(error) => return Err(error.into()),
    }
    if used.is_some() {
        context.metrics.invitation("used");
    }
    Ok(SignedUp { user_id: user.id, tenant_id: user.tenant_id, client_id, client_secret: client_secret.reveal().to_owned() })
}

/// The open invitation that somebody shows, and may use.
async fn invited(context: &Context, draft: &Draft) -> Result<Option<Invitation>, Problem> {
    let Some(code) = &draft.invitation else { return Ok(None) };
    match context.store.open_invitation(code, context.clock.now()).await? {
        Some(invitation) => invitation.admits(&draft.email).map(|()| Some(invitation)),
        None => Err(not_open(context, &draft.email).await?),
    }
}

/// Whoever comes again because the answer was lost has used the invitation themselves, and has an account.
async fn not_open(context: &Context, email: &str) -> Result<Problem, Problem> {
    Ok(if context.store.account(email).await?.is_some() { taken() } else { invitation::not_open() })
}

fn taken() -> Problem {
    Problem::new(Code::Conflict, "There is an account with this address; sign in instead.").naming("email", "is taken")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named(body: Value) -> Vec<String> {
        let problem = Draft::of(Fields::of(body).unwrap()).err();
        problem.iter().flat_map(|problem| problem.errors()).map(|error| error.field.clone()).collect()
    }

    #[test]
    fn every_broken_field_is_named() {
        assert_eq!(
            named(json!({ "email": "x", "timezone": "Mars/Base", "invitation": "", "scope": "ops" })),
            ["email", "display_name", "password", "timezone", "invitation", "scope"]
        );
        assert!(named(json!({ "email": "Ada@Example.com", "display_name": "Ada", "password": "0123456789" })).is_empty());
    }

    #[test]
    fn without_a_zone_it_is_utc() {
        let body = json!({ "email": "Ada@Example.com", "display_name": "Ada", "password": "0123456789", "timezone": null });
        let draft = Draft::of(Fields::of(body).unwrap()).unwrap();
        assert_eq!((draft.timezone.as_str(), draft.email.as_str()), ("UTC", "ada@example.com"));
    }
}
