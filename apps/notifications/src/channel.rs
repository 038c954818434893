//! The ways to a person, and which of them are theirs.

use std::fmt;

use contracts::user::{NotificationPreferences, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In the page.
    InApp,
    /// By mail.
    Email,
    /// By SMS.
    Sms,
}

impl Channel {
    /// Its name on the wire and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::InApp => "in_app",
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a person wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Settings {
    /// Address of their mailbox.
    pub email: String,
    /// Number of their telephone.
    pub phone: Option<String>,
    /// IANA time zone.
    pub timezone: String,
    /// Whether in the page.
    pub in_app: bool,
    /// Whether by mail.
    pub by_email: bool,
    /// Whether by SMS.
    pub by_sms: bool,
}

impl Settings {
    /// What a person says of themselves.
    pub fn of(user: &User) -> Self {
        let NotificationPreferences { in_app, email, sms } = user.notification_preferences;
        Self {
            email: user.email.clone(),
            phone: user.phone.clone(),
            timezone: user.timezone.clone(),
            in_app,
            by_email: email,
            by_sms: sms,
        }
    }

    /// For a person of whom nothing ever came: in the page, which needs no address, in UTC.
    pub fn unknown() -> Self {
        Self { email: String::new(), phone: None, timezone: "UTC".into(), in_app: true, by_email: false, by_sms: false }
    }

    /// The channels that are on, each with where it leads; `None` where there is no way.
    pub fn channels(&self) -> Vec<(Channel, Option<String>)> {
        let mut channels = Vec::new();
        if self.in_app {
            channels.push((Channel::InApp, None));
        }
        if self.by_email {
            channels.push((Channel::Email, Some(self.email.clone()).filter(|address| is_one_address(address))));
        }
        if self.by_sms {
            channels.push((Channel::Sms, self.phone.clone().filter(|number| is_number(number))));
        }
        channels
    }
}

/// One address and nothing else: the mail component splits at semicolons, and a header ends with its line.
fn is_one_address(text: &str) -> bool {
    let plain =
        !text.chars().any(|character| character.is_whitespace() || character.is_control() || ";,<>\"".contains(character));
    plain && text.split('@').filter(|part| !part.is_empty()).count() == 2 && text.matches('@').count() == 1
}

/// A number as E.164 writes it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_eight_combinations_gives_its_channels() {
        for bits in 0..8 {
            let settings = Settings {
                email: "ada@example.org".into(),
                phone: Some("+4915112345678".into()),
                timezone: "UTC".into(),
                in_app: bits & 1 > 0,
                by_email: bits & 2 > 0,
                by_sms: bits & 4 > 0,
            };
            let channels = settings.channels();
            assert_eq!(channels.len(), usize::try_from(i32::count_ones(bits)).unwrap());
            assert_eq!(channels.contains(&(Channel::InApp, None)), bits & 1 > 0);
            assert_eq!(channels.contains(&(Channel::Email, Some("ada@example.org".into()))), bits & 2 > 0);
            assert_eq!(channels.contains(&(Channel::Sms, Some("+4915112345678".into()))), bits & 4 > 0);
        }
    }

    #[test]
    fn an_address_that_could_be_two_leads_nowhere() {
        for email in ["", "ada", "@", "a@", "a@b;c@d", "a@b,c@d", "a@b\r\nBcc: c@d", "a b@c", "a@b@c", "Ada <a@b>"] {
            assert!(!is_one_address(email), "{email:?}");
        }
        for number in ["", "12345678", "+12", "+123456789012345678", "+1234567x"] {
            assert!(!is_number(number), "{number:?}");
        }
    }
}
