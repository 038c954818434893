//! What a form sent. Reading it checks where it comes from, so that a handler cannot forget to.

use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum_extra::extract::CookieJar;
use service::problem::{Body, FieldError};

use crate::Site;
use crate::failure::Failure;
use crate::guard::Bound;
use crate::session::VISIT;
use crate::visitor::Visitor;

/// The fields of a form, by name.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first value under `name`, or nothing at all.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The first value under `name`, or `default` where nothing was given.
    pub fn or(&self, name: &str, default: &str) -> String {
        Some(self.get(name)).filter(|value| !value.is_empty()).unwrap_or(default).to_owned()
    }

    /// Every value under `name`.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.clone()).collect()
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }
}

/// A signed-in person's form.
pub struct Form {
    /// Who sent it.
    pub visitor: Visitor,
    /// What it says.
    pub fields: Fields,
}

/// The form of a page that needs nobody signed in.
pub struct OpenForm {
    /// Everything handlers may use.
    pub site: Site,
    /// What it says.
    pub fields: Fields,
    /// Whether it was made for this browser's visit. If not, the page is shown again with what was typed.
    pub fresh: bool,
    /// Headers of the request.
    pub headers: HeaderMap,
}

async fn fields(request: Request, site: &Site) -> Result<Fields, Failure> {
    if !site.guard.is_ours(request.headers()) {
        return Err(Failure::NotOurs);
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        return parts(request).await.map_err(|_| Failure::Unreadable);
    }
    let form = axum::Form::<Vec<(String, String)>>::from_request(request, &()).await;
    form.map(|form| Fields(form.0)).map_err(|_| Failure::Unreadable)
}

/// A form that may hold a file: a field whose value is the file's text.
async fn parts(request: Request) -> Result<Fields, Box<dyn std::error::Error>> {
    let (mut form, mut fields) = (Multipart::from_request(request, &()).await?, Vec::new());
    while let Some(part) = form.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        fields.push((name, part.text().await?));
    }
    Ok(Fields(fields))
}

impl FromRequest<Site> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, site).await?;
        let fields = fields(Request::from_parts(parts, body), site).await?;
        if !site.guard.knows(Bound::Session(&visitor.session), fields.get("csrf")) {
            return Err(Failure::NotOurs);
        }
        Ok(Self { visitor, fields })
    }
}

impl FromRequest<Site> for OpenForm {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let fields = fields(request, site).await?;
        let jar = CookieJar::from_headers(&headers);
        let fresh = jar.get(VISIT).is_some_and(|visit| site.guard.knows(Bound::Visit(visit.value()), fields.get("csrf")));
        Ok(Self { site: site.clone(), fields, fresh, headers })
    }
}

/// The names between commas, without the empty ones.
pub fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// What is wrong with a form: for the summary above it, and at each field.
#[derive(Clone, Debug, Default)]
pub struct Errors(pub Vec<Wrong>);

/// One field that breaks a rule.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Name and id of the control.
    pub field: &'static str,
    /// The sentence.
    pub message: String,
}

impl Errors {
    /// One.
    pub fn one(field: &'static str, message: impl Into<String>) -> Self {
        Self(vec![Wrong { field, message: message.into() }])
    }

    /// What an app refused, moved to the controls: (the API's name, the control, its label). What has no control goes to the first.
    pub fn of(body: &Body, controls: &[(&str, &'static str, &str)]) -> Self {
        let named = |error: &FieldError| {
            let name = error.field.split(['.', '[']).next().unwrap_or_default();
            let control = controls.iter().find(|(api, ..)| *api == error.field || *api == name);
            let field = control.or(controls.first()).map_or("", |(_, field, _)| field);
            let label = control.map_or_else(|| error.field.replace(['_', '.'], " "), |(_, _, label)| (*label).to_owned());
            Wrong { field, message: format!("{label} {}.", error.message.trim_end_matches('.')) }
        };
        match body.errors.as_slice() {
            [] => Self::one(controls.first().map_or("", |(_, field, _)| field), body.detail.clone()),
            errors => Self(errors.iter().map(named).collect()),
        }
    }

    /// Notes another.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(Wrong { field, message: message.into() });
    }

    /// The sentence at a field, if it has one.
    pub fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|wrong| wrong.field == field).map(|wrong| wrong.message.as_str())
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
