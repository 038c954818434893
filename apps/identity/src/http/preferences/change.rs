//! `PATCH /users/me/preferences`: changes some of them; a real change is a new version and one `user.changed`.

use axum::extract::State;
use axum::http::HeaderMap;
use service::problem::{Code, Problem};
use service::request::{JsonBody, if_match};
use service::{Caller, problem::Words};
use utoipa::ToSchema;

use super::Preferences;
use crate::Context;
use crate::account::Patch;

/// How often a change is tried again when another one came between its read and its write.
const ROUNDS: u32 = 3;

/// What is to change; what is absent stays.
#[derive(ToSchema)]
pub struct PreferencesChange {
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Channels to turn on or off.
    pub notification_preferences: Option<ChannelsChange>,
    /// E.164 number; null removes it.
    pub phone: Option<String>,
    /// 1 to 100 characters.
    pub display_name: Option<String>,
}

/// Channels to turn on or off; what is absent stays.
#[derive(ToSchema)]
pub struct ChannelsChange {
    /// In the open page.
    pub in_app: Option<bool>,
    /// By mail.
    pub email: Option<bool>,
    /// By SMS; needs a phone.
    pub sms: Option<bool>,
}

/// Change the own preferences
#[utoipa::path(
    patch, path = "/users/me/preferences", tag = "users", operation_id = "change_preferences",
    params(("If-Match" = Option<String>, Header, description = "The version the change is meant for")),
    request_body(content = PreferencesChange, example = json!({ "timezone": "Europe/Berlin", "phone": "+4930901820", "notification_preferences": { "sms": true } })),
    responses(
        (status = 200, description = "As they are now", body = Preferences),
        (status = 412, description = "If-Match names another version", body = service::problem::Body, content_type = "application/problem+json"),
        service::openapi::Refusals
    ),
    security(("bearer" = [])),
    extensions(("x-door" = json!("public")))
)]
pub async fn change(
    State(context): State<Context>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Preferences, Problem> {
    let expected = if_match(&headers)?;
    let patch = Patch::of(body.fields)?;
    for _ in 0..ROUNDS {
        let before = context.store.user(caller.user_id).await?.ok_or_else(Problem::not_found)?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(Problem::new(Code::StaleVersion, format!("The version is {} now; read it again.", before.version)));
        }
        let after = patch.apply(&before)?;
        if after == before || context.store.change_user(&after, context.clock.now()).await? {
            return Ok(after.into());
        }
    }
    Err(Problem::unavailable(Words(format!("{ROUNDS} other changes came between"))))
}
