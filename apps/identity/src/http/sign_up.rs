//! `POST /auth/signup`: a new person, in a tenant of their own, with a first client.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use contracts::user::{NotificationPreferences, User};
use serde::Serialize;
use service::config::Secret;
use service::fields::Fields;
use service::problem::{Code, Problem};
use service::request::JsonBody;
use utoipa::ToSchema;
use uuid::Uuid;

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
}

impl Draft {
    fn of(mut fields: Fields) -> Result<Self, Problem> {
        let email = fields.required("email", account::email);
        let display_name = fields.required("display_name", account::display_name);
        let password = fields.required("password", account::password);
        let timezone = fields.optional("timezone", account::timezone).unwrap_or_else(|| "UTC".into());
        fields.finish()?;
        match (email, display_name, password) {
            (Some(email), Some(display_name), Some(password)) => Ok(Self { email, display_name, password, timezone }),
            _ => Err(Problem::new(Code::BadRequest, "The body could not be read.")),
        }
    }
}

/// Sign up
///
/// Makes a person, a tenant of their own and a first client. A repeat is refused because the address is taken by then: an
/// `Idempotency-Key` would mean to keep the secret.
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
    let draft = Draft::of(body.fields)?;
    let password_hash = context.passwords.hash(draft.password).await?;
    let user = User {
        id: Uuid::now_v7(),
        tenant_id: Uuid::now_v7(),
        email: draft.email,
        display_name: draft.display_name,
        phone: None,
        timezone: draft.timezone,
        notification_preferences: NotificationPreferences::default(),
        version: 1,
        created_at: context.clock.now(),
    };
    let (client_id, client_secret) = (Uuid::now_v7(), secret::new()?);
    if let Err(error) = context.store.sign_up(&user, &password_hash, client_id, &Hash::of(client_secret.reveal())).await {
        if error.constraint() != Some(EMAIL_ONCE) {
            return Err(error.into());
        }
        context.metrics.refused("sign_up");
        return Err(
            Problem::new(Code::Conflict, "There is an account with this address; sign in instead.").naming("email", "is taken")
        );
    }
    context.metrics.passed("sign_up");
    let answer =
        SignedUp { user_id: user.id, tenant_id: user.tenant_id, client_id, client_secret: client_secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(answer)))
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
            named(json!({ "email": "x", "timezone": "Mars/Base", "scope": "ops" })),
            ["email", "display_name", "password", "timezone", "scope"]
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
