//! People as others see them, and the events of `user-events`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::Topic;
use crate::topic;

/// The header in which the gateway hands on the code of an invitation, which stands in the query of the sign-up page: a sidecar puts the whole
/// address of a call into its span, and no header.
pub const INVITATION: &str = "x-invitation";

/// Which channels a person wants to be told on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationPreferences {
    /// In the open page.
    pub in_app: bool,
    /// By mail, to the person's address.
    pub email: bool,
    /// By SMS, to the person's number.
    pub sms: bool,
}

impl Default for NotificationPreferences {
    /// What a new account has: page and mail.
    fn default() -> Self {
        Self { in_app: true, email: true, sms: false }
    }
}

/// A person: never a password or a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Who.
    pub id: Uuid,
    /// The tenant they belong to.
    pub tenant_id: Uuid,
    /// Address, lower case.
    pub email: String,
    /// How they want to be called.
    pub display_name: String,
    /// E.164 number, if given.
    pub phone: Option<String>,
    /// IANA time zone.
    pub timezone: String,
    /// Which channels are on.
    pub notification_preferences: NotificationPreferences,
    /// Moves with every change, from 1.
    pub version: i64,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
}

/// The events of `user-events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
pub enum UserEvent {
    /// A person signed up or changed; whole, so that the newest version is enough.
    #[serde(rename = "user.changed")]
    Changed {
        /// After the change.
        user: User,
    },
    /// A type this version does not know; acknowledged without effect.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Topic for UserEvent {
    const TOPIC: &'static str = topic::USER_EVENTS;
    const AGGREGATE: &'static str = "user";

    fn event_type(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "user.changed",
            Self::Unknown => "unknown",
        }
    }
}
