//! `/users/me/preferences`: what someone sees and sets of themselves.

pub mod change;
pub mod read;

use axum::Json;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use contracts::user::{NotificationPreferences, User};
use serde::Serialize;
use utoipa::ToSchema;

/// A person's own settings.
#[derive(Serialize, ToSchema)]
pub struct Preferences {
    /// IANA time zone.
    pub timezone: String,
    /// Which channels are on.
    pub notification_preferences: NotificationPreferences,
    /// E.164 number, if given.
    pub phone: Option<String>,
    /// Address; cannot be changed here.
    pub email: String,
    /// How they want to be called.
    pub display_name: String,
    /// Moves with every change; also the `ETag`.
    pub version: i64,
}

impl From<User> for Preferences {
    fn from(user: User) -> Self {
        let User { timezone, notification_preferences, phone, email, display_name, version, .. } = user;
        Self { timezone, notification_preferences, phone, email, display_name, version }
    }
}

impl IntoResponse for Preferences {
    fn into_response(self) -> Response {
        let etag: (HeaderName, String) = (header::ETAG, format!("\"{}\"", self.version));
        ([etag], Json(self)).into_response()
    }
}
