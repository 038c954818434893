//! `/app/preferences`: name, time zone, and how the person wants to be told.

use askama::Template;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use chrono_tz::TZ_VARIANTS;
use contracts::user::NotificationPreferences;
use serde::Deserialize;
use serde_json::{Value, json};

use super::feed::{self, FeedView};
use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Fields, Form};
use crate::page::{self, Shell};
use crate::visitor::Visitor;

const CONTROLS: [(&str, &str, &str); 5] = [
    ("display_name", "display_name", "Name"),
    ("timezone", "timezone", "Time zone"),
    ("phone", "phone", "Phone"),
    ("notification_preferences.sms", "sms", "SMS"),
    ("notification_preferences", "sms", "Channels"),
];

#[derive(Clone, Debug, Deserialize)]
struct Preferences {
    #[serde(default)]
    email: String,
    display_name: String,
    phone: Option<String>,
    timezone: String,
    notification_preferences: NotificationPreferences,
    version: i64,
}

struct PreferencesView {
    now: Preferences,
    phone: String,
    errors: Errors,
    saved: bool,
    elsewhere: bool,
    csrf: String,
    /// Region and its zones.
    zones: Vec<(&'static str, Vec<&'static str>)>,
}

#[derive(Template)]
#[template(path = "preferences.html")]
struct PreferencesPage {
    shell: Shell,
    view: PreferencesView,
    feed: FeedView,
}

#[derive(Template)]
#[template(path = "parts/preferences.html")]
struct PreferencesFragment {
    view: PreferencesView,
}

/// `GET`.
///
/// # Errors
/// When identity does not answer.
pub async fn show(visitor: Visitor) -> Result<Response, Failure> {
    let now = stored(&visitor).await?;
    answer(&visitor, now, Errors::default(), StatusCode::OK, false).await
}

/// `POST`.
///
/// # Errors
/// When identity does not answer.
pub async fn submit(form: Form) -> Result<Response, Failure> {
    let (visitor, fields) = (&form.visitor, &form.fields);
    let before = stored(visitor).await?;
    let typed = typed(fields, &before);
    if fields.get("version").parse() != Ok(before.version) {
        let again = Preferences { version: before.version, ..typed };
        return answer(visitor, again, Errors::default(), StatusCode::CONFLICT, true).await;
    }
    let call = Call::new(Method::PATCH, "identity", &["users", "me", "preferences"]).body(body(&typed));
    match visitor.call(call.header(header::IF_MATCH, &format!("\"{}\"", before.version))).await {
        Ok(saved) => {
            // The token says the old zone.
            visitor.site.sessions.forget(&visitor.session).await;
            if visitor.wants_fragment() {
                return answer(visitor, saved.json()?, Errors::default(), StatusCode::OK, false).await;
            }
            Ok(visitor.go("/app/preferences"))
        }
        Err(failure) if failure.is_stale() => {
            answer(
                visitor,
                Preferences { version: stored(visitor).await?.version, ..typed },
                Errors::default(),
                StatusCode::CONFLICT,
                true,
            )
            .await
        }
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 409 | 422) => {
            answer(visitor, typed, Errors::of(&body, &CONTROLS), StatusCode::UNPROCESSABLE_ENTITY, false).await
        }
        Err(failure) => Err(failure),
    }
}

async fn stored(visitor: &Visitor) -> Result<Preferences, Failure> {
    visitor.call(Call::get("identity", &["users", "me", "preferences"])).await?.json()
}

fn typed(fields: &Fields, before: &Preferences) -> Preferences {
    Preferences {
        display_name: fields.get("display_name").trim().into(),
        phone: Some(fields.get("phone").split_whitespace().collect::<String>()).filter(|phone| !phone.is_empty()),
        timezone: fields.get("timezone").into(),
        notification_preferences: NotificationPreferences {
            in_app: fields.ticked("in_app"),
            email: fields.ticked("by_email"),
            sms: fields.ticked("sms"),
        },
        ..before.clone()
    }
}

fn body(typed: &Preferences) -> Value {
    json!({
        "display_name": typed.display_name, "phone": typed.phone, "timezone": typed.timezone,
        "notification_preferences": typed.notification_preferences,
    })
}

async fn answer(
    visitor: &Visitor,
    now: Preferences,
    errors: Errors,
    status: StatusCode,
    elsewhere: bool,
) -> Result<Response, Failure> {
    let saved = visitor.wants_fragment() && status.is_success();
    let view = PreferencesView { errors, saved, elsewhere, ..view(visitor, now) };
    if visitor.wants_fragment() {
        return page::html(status, &PreferencesFragment { view });
    }
    let (unread, feed) = tokio::join!(visitor.unread(), feed::view(visitor));
    visitor.page(status, &PreferencesPage { shell: visitor.shell("Preferences", "preferences", unread), view, feed })
}

/// The whole page, around a feed that was just made.
///
/// # Errors
/// When identity does not answer.
pub async fn page_with(visitor: &Visitor, feed: FeedView) -> Result<Response, Failure> {
    let (now, unread) = tokio::join!(stored(visitor), visitor.unread());
    let shell = visitor.shell("Preferences", "preferences", unread);
    visitor.page(StatusCode::OK, &PreferencesPage { shell, view: view(visitor, now?), feed })
}

fn view(visitor: &Visitor, now: Preferences) -> PreferencesView {
    PreferencesView {
        phone: now.phone.clone().unwrap_or_default(),
        errors: Errors::default(),
        saved: false,
        elsewhere: false,
        csrf: visitor.csrf(),
        zones: zones(&now.timezone),
        now,
    }
}

/// The zones by region, without the names that are kept for old systems only; the one in use is always among them.
fn zones(current: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    const REGIONS: [&str; 10] =
        ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let of = |region: &'static str| (region, names().filter(|name| name.split('/').next() == Some(region)).collect::<Vec<_>>());
    let other: Vec<_> = names()
        .filter(|name| *name == "UTC" || (*name == current && !REGIONS.iter().any(|region| name.starts_with(region))))
        .collect();
    std::iter::once(("Universal", other)).chain(REGIONS.map(of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_a_region_can_be_chosen_and_the_current_one_always() {
        let all = |current| zones(current).into_iter().flat_map(|(_, names)| names).collect::<Vec<_>>();
        assert!(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"].iter().all(|name| all("UTC").contains(name)));
        assert!(all("GMT").contains(&"GMT") && !all("UTC").contains(&"GMT"));
    }
}
