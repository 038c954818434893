//! A browser without a screen: cookies, forms and redirects, byte by byte, for what no real browser would send.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use tests::Suite;
use tests::page::PASSWORD;

/// Cookies of one visit.
pub struct Forms {
    suite: Suite,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// Where it leads, if it does.
    pub location: String,
    /// Each `Set-Cookie`, as it is written.
    pub cookies: Vec<String>,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Page {
    /// The first hidden field of this name.
    pub fn hidden(&self, name: &str) -> Result<String> {
        let marker = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&marker).with_context(|| format!("no field {name} in {}", self.text))?;
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }
}

impl Forms {
    /// Nobody yet.
    pub fn new(suite: &Suite) -> Self {
        Self { suite: suite.clone(), cookies: Mutex::default() }
    }

    /// Somebody who is known already.
    pub async fn sign_in(suite: &Suite, email: &str) -> Result<Self> {
        let forms = Self::new(suite);
        let csrf = forms.get("/app/sign-in").await?.hidden("csrf")?;
        let page = forms.post("/app/sign-in", &[("csrf", csrf), ("email", email.into()), ("password", PASSWORD.into())]).await?;
        ensure!(page.status == 303 && page.location == "/app", "{page:?}");
        Ok(forms)
    }

    pub async fn get(&self, path: &str) -> Result<Page> {
        self.send(self.suite.client().get(self.suite.url(path))).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, String)]) -> Result<Page> {
        self.post_with(path, fields, &[]).await
    }

    /// With further headers.
    pub async fn post_with(&self, path: &str, fields: &[(&str, String)], headers: &[(&str, &str)]) -> Result<Page> {
        let mut request = self.suite.client().post(self.suite.url(path)).form(fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Page> {
        let cookies: Vec<String> = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(COOKIE, cookies.join("; ")).send().await?;
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().clone();
        let cookies: Vec<String> = headers.get_all(SET_COOKIE).iter().map(text).collect();
        for cookie in &cookies {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).context("a cookie has a value")?;
            self.jar().insert(name.to_owned(), value.to_owned());
        }
        let location = headers.get(LOCATION).map(text).unwrap_or_default();
        Ok(Page { status: response.status().as_u16(), location, cookies, headers, text: response.text().await? })
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
