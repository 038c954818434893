//! The rules of a person's data: what each field must look like, and what may change into what.

use chrono_tz::Tz;
use contracts::user::{NotificationPreferences, User};
use serde_json::Value;
use service::Problem;
use service::config::Secret;
use service::fields::{self, Change, Fields, Ruled};

/// RFC 5321 allows a path of 256 octets, two of which are its brackets.
const MAX_EMAIL: usize = 254;
/// RFC 5321, 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// Shorter passwords are guessed; longer ones only cost time.
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 10..=200;
/// E.164: a plus and at most fifteen digits; no country has numbers of fewer than seven.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// An address, trimmed and in lower case, as it is stored and looked up.
///
/// # Errors
/// The rule.
pub fn email(value: &Value) -> Ruled<String> {
    let text = fields::text(value, 3, MAX_EMAIL)?.to_ascii_lowercase();
    let wrong = || "must be an address such as ada@example.com".to_owned();
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    // What a mail server takes unquoted (RFC 5322 `dot-atom`); quotes, spaces and control characters would end up in mail headers.
    let is_atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    let is_label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let fits =
        local.len() <= MAX_LOCAL_PART && local.split('.').all(is_atom) && domain.contains('.') && domain.split('.').all(is_label);
    if fits { Ok(text) } else { Err(wrong()) }
}

/// A password as it was typed: nothing is trimmed.
///
/// # Errors
/// The rule, never the value.
pub fn password(value: &Value) -> Ruled<Secret> {
    let text = value.as_str().ok_or("must be text")?;
    let length = text.chars().count();
    if PASSWORD_LENGTH.contains(&length) {
        Ok(Secret::new(text))
    } else {
        Err(format!("must have {} to {} characters, has {length}", PASSWORD_LENGTH.start(), PASSWORD_LENGTH.end()))
    }
}

/// How someone wants to be called.
///
/// # Errors
/// The rule.
pub fn display_name(value: &Value) -> Ruled<String> {
    let text = fields::text(value, 1, 100)?;
    if text.chars().any(char::is_control) { Err("must be one line".into()) } else { Ok(text) }
}

/// An IANA zone, by its exact name.
///
/// # Errors
/// The rule.
pub fn timezone(value: &Value) -> Ruled<String> {
    let zone = value.as_str().and_then(|text| text.parse::<Tz>().ok());
    zone.map(|zone| zone.name().to_owned()).ok_or_else(|| "must be an IANA time zone such as Europe/Berlin".into())
}

/// A number in E.164; spaces, dots, dashes and brackets are taken out.
///
/// # Errors
/// The rule.
pub fn phone(value: &Value) -> Ruled<String> {
    let text: String = fields::text(value, 1, 40)?.chars().filter(|each| !" .-()".contains(*each)).collect();
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits =
        PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(text) } else { Err("must be a number with its country, such as +4930901820".into()) }
}

/// What someone wants changed; what is absent stays.
#[derive(Debug, Default)]
pub struct Patch {
    timezone: Option<String>,
    display_name: Option<String>,
    phone: Change<String>,
    in_app: Option<bool>,
    email: Option<bool>,
    sms: Option<bool>,
}

impl Patch {
    /// Reads a body.
    ///
    /// # Errors
    /// Names every field that breaks a rule.
    pub fn of(mut fields: Fields) -> Result<Self, Problem> {
        let channels = fields.replace("notification_preferences", |value| Ok(value.clone()));
        let mut patch = Self {
            timezone: fields.replace("timezone", timezone),
            display_name: fields.replace("display_name", display_name),
            phone: fields.change("phone", phone),
            ..Self::default()
        };
        match channels.map(Fields::of) {
            None => {}
            Some(Err(_)) => fields.refuse("notification_preferences", "must be an object with in_app, email and sms"),
            Some(Ok(mut channels)) => {
                patch.in_app = channels.replace("in_app", fields::boolean);
                patch.email = channels.replace("email", fields::boolean);
                patch.sms = channels.replace("sms", fields::boolean);
                if let Err(problem) = channels.finish() {
                    for error in problem.errors() {
                        fields.refuse(&format!("notification_preferences.{}", error.field), &error.message);
                    }
                }
            }
        }
        fields.finish().map(|()| patch)
    }

    /// The person after the change; the same, version included, when nothing is different.
    ///
    /// # Errors
    /// Names the field that the result would leave wrong.
    pub fn apply(&self, before: &User) -> Result<User, Problem> {
        let channels = before.notification_preferences;
        let mut after = before.clone();
        after.timezone.clone_from(self.timezone.as_ref().unwrap_or(&before.timezone));
        after.display_name.clone_from(self.display_name.as_ref().unwrap_or(&before.display_name));
        after.phone = match &self.phone {
            Change::Keep => after.phone,
            Change::Clear => None,
            Change::Set(phone) => Some(phone.clone()),
        };
        after.notification_preferences = NotificationPreferences {
            in_app: self.in_app.unwrap_or(channels.in_app),
            email: self.email.unwrap_or(channels.email),
            sms: self.sms.unwrap_or(channels.sms),
        };
        if after.notification_preferences.sms && after.phone.is_none() {
            return Err(Problem::field("notification_preferences.sms", "needs a phone"));
        }
        if after != *before {
            after.version += 1;
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use service::problem::FieldError;
    use uuid::Uuid;

    use super::*;

    fn ada() -> User {
        User {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            email: "ada@example.com".into(),
            display_name: "Ada".into(),
            phone: None,
            timezone: "UTC".into(),
            notification_preferences: NotificationPreferences::default(),
            version: 1,
            created_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn patch(body: Value) -> Result<Patch, Problem> {
        Patch::of(Fields::of(body).unwrap())
    }

    fn named(problem: &Problem) -> Vec<&str> {
        problem.errors().iter().map(|error: &FieldError| error.field.as_str()).collect()
    }

    #[test]
    fn an_address_is_trimmed_and_lower_case() {
        assert_eq!(email(&json!("  Ada.Lovelace+x@Example.COM ")).unwrap(), "ada.lovelace+x@example.com");
    }

    #[test]
    fn what_no_mail_server_takes_is_no_address() {
        for text in [
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "a@b@example.com",
            "ada@ex..com",
            "a..b@example.com",
            "ada@-x.com",
        ] {
            assert!(email(&json!(text)).is_err(), "{text}");
        }
        for text in ["a\r\nBcc: b@example.com", "<ada@example.com>", "\"a\"@example.com", "ädä@example.com", "a\0@example.com"]
        {
            assert!(email(&json!(text)).is_err(), "{text:?}");
        }
        assert!(email(&json!(format!("{}@example.com", "a".repeat(65)))).is_err());
        assert!(email(&json!(7)).is_err());
    }

    #[test]
    fn a_password_is_kept_as_typed_and_counted_in_characters() {
        assert_eq!(password(&json!(" äöüäöüäöü")).unwrap().reveal(), " äöüäöüäöü");
        assert_eq!(password(&json!("short")).unwrap_err(), "must have 10 to 200 characters, has 5");
        assert!(password(&json!("x".repeat(201))).is_err());
        assert!(password(&json!(1234567890)).is_err());
    }

    #[test]
    fn a_zone_is_known_by_its_exact_name() {
        assert_eq!(timezone(&json!("Europe/Berlin")).unwrap(), "Europe/Berlin");
        for text in ["Mars/Base", "europe/berlin", "", "+01:00"] {
            assert!(timezone(&json!(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_has_its_country() {
        assert_eq!(phone(&json!("+49 (30) 90-18.20")).unwrap(), "+4930901820");
        for text in ["030901820", "+0491234567", "+49", "+49abc12345", "+1234567890123456", "++4930901820"] {
            assert!(phone(&json!(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn sms_needs_a_number_and_a_number_in_use_stays() {
        let refused = patch(json!({ "notification_preferences": { "sms": true } })).unwrap().apply(&ada()).unwrap_err();
        assert_eq!(named(&refused), ["notification_preferences.sms"]);
        let on =
            patch(json!({ "notification_preferences": { "sms": true }, "phone": "+4930901820" })).unwrap().apply(&ada()).unwrap();
        assert_eq!((on.version, on.notification_preferences.sms, on.notification_preferences.email), (2, true, true));
        assert!(patch(json!({ "phone": null })).unwrap().apply(&on).is_err());
        let off = patch(json!({ "phone": null, "notification_preferences": { "sms": false } })).unwrap().apply(&on).unwrap();
        assert_eq!((off.version, off.phone), (3, None));
    }

    #[test]
    fn what_changes_nothing_is_no_new_version() {
        for body in [
            json!({}),
            json!({ "timezone": "UTC", "display_name": " Ada ", "notification_preferences": { "email": true }, "phone": null }),
        ] {
            assert_eq!(patch(body).unwrap().apply(&ada()).unwrap(), ada());
        }
    }

    #[test]
    fn every_broken_field_is_named_also_inside_the_channels() {
        let body = json!({ "timezone": "Mars/Base", "email": "new@example.com", "notification_preferences": { "sms": 1, "fax": true, "email": null } });
        assert_eq!(
            named(&patch(body).unwrap_err()),
            [
                "timezone",
                "notification_preferences.email",
                "notification_preferences.sms",
                "notification_preferences.fax",
                "email"
            ]
        );
        assert_eq!(named(&patch(json!({ "notification_preferences": [] })).unwrap_err()), ["notification_preferences"]);
    }
}
