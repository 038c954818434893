//! Calls to the internal routes of another app, with a token of our own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use contracts::token::internal_scope;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sidecar::invoke::{Path, Request};
use sidecar::{Error, Sidecar};
use tokio::sync::{Mutex, OnceCell};

use crate::door::REFUSED;

/// A token is renewed this long before it ends.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// Time allowed for one call with all its tries.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The key of the one secret that an app may read.
const SECRET_KEY: &str = "secret";

/// Calls other apps as this app. Cheap to clone.
#[derive(Clone)]
pub struct Internal {
    sidecar: Sidecar,
    app: &'static str,
    secret: Arc<OnceCell<String>>,
    tokens: Arc<Mutex<HashMap<String, (String, Instant)>>>,
}

/// What another app answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: bytes::Bytes,
    /// Whether the door refused, and not the handler behind it.
    refused_at_the_door: bool,
    /// Which app, for messages.
    app: String,
}

impl Answer {
    /// The body as `T`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is none.
    pub fn json<T: DeserializeOwned>(&self) -> sidecar::Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Malformed { call: format!("invoke {}", self.app), detail: error.to_string() })
    }

    /// The answer, unless it refuses.
    ///
    /// # Errors
    /// [`Error::NoAnswer`] for 502-504, [`Error::Refused`] for any other status from 400 on.
    pub fn accepted(self) -> sidecar::Result<Self> {
        let call = format!("invoke {}", self.app);
        let detail = || String::from_utf8_lossy(&self.body).into_owned();
        match self.status.as_u16() {
            502..=504 => Err(Error::NoAnswer { call, detail: detail() }),
            400.. => Err(Error::Refused { call, status: self.status.to_string(), detail: detail() }),
            _ => Ok(self),
        }
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
}

impl Internal {
    /// Calls as `app`.
    pub fn new(sidecar: Sidecar, app: &'static str) -> Self {
        Self { sidecar, app, secret: Arc::default(), tokens: Arc::default() }
    }

    /// Calls `/internal/<segments>` of `callee`.
    ///
    /// # Errors
    /// [`Error::NoAnswer`] when the callee, identity or a sidecar did not answer. What the callee answers is no error.
    pub async fn call(
        &self,
        callee: &str,
        method: Method,
        segments: &[&str],
        body: Option<&impl Serialize>,
    ) -> sidecar::Result<Answer> {
        let answer = self.send(callee, method.clone(), segments, body).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !answer.refused_at_the_door {
            return Ok(answer);
        }
        // Identity has new keys: one try with a new token.
        self.tokens.lock().await.remove(callee);
        self.send(callee, method, segments, body).await
    }

    async fn send(
        &self,
        callee: &str,
        method: Method,
        segments: &[&str],
        body: Option<&impl Serialize>,
    ) -> sidecar::Result<Answer> {
        let token = self.token(callee).await?;
        let path = Path::internal(&[&["internal"], segments].concat())?;
        let mut headers = json_headers();
        headers.insert(header::AUTHORIZATION, header_value(&format!("Bearer {token}"))?);
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| malformed(callee, &error))?.unwrap_or_default();
        self.invoke(callee, method, path, headers, body).await
    }

    /// A token with the scope `internal:<callee>`, from the cache or from identity.
    async fn token(&self, callee: &str) -> sidecar::Result<String> {
        let mut tokens = self.tokens.lock().await;
        if let Some((token, until)) = tokens.get(callee)
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let secret = self.secret.get_or_try_init(|| self.own_secret()).await?;
        let request = serde_json::json!({
            "grant_type": "client_credentials", "client_id": self.app, "client_secret": secret, "scope": internal_scope(callee),
        });
        let body = serde_json::to_vec(&request).map_err(|error| malformed("identity", &error))?;
        let answer = self.invoke("identity", Method::POST, Path::internal(&["auth", "token"])?, json_headers(), body).await?;
        let token: Token = answer.accepted()?.json()?;
        let until = Instant::now() + Duration::from_secs(token.expires_in).saturating_sub(RENEW_BEFORE);
        tokens.insert(callee.to_owned(), (token.access_token.clone(), until));
        Ok(token.access_token)
    }

    /// What this app signs in with: the one secret that its sidecar gives it.
    ///
    /// # Errors
    /// As every call; [`Error::Refused`] when the secret has no key `secret`.
    pub async fn own_secret(&self) -> sidecar::Result<String> {
        let name = format!("outrigger-client-{}", self.app);
        let mut secret = self.sidecar.secret(crate::app::SECRET_STORE, &name).await?;
        let missing =
            || Error::Refused { call: format!("secret {name}"), status: "missing".into(), detail: "it has no key secret".into() };
        secret.remove(SECRET_KEY).ok_or_else(missing)
    }

    async fn invoke(&self, app: &str, method: Method, path: Path, headers: HeaderMap, body: Vec<u8>) -> sidecar::Result<Answer> {
        let request = Request { app, method, path, query: None, headers, body: body.into(), timeout: TIMEOUT };
        let response = self.sidecar.invoke(request).await?;
        let status = response.status();
        let refused_at_the_door = response.headers().contains_key(REFUSED);
        let collected = response.into_body().collect().await;
        let body =
            collected.map_err(|error| Error::NoAnswer { call: format!("invoke {app}"), detail: error.to_string() })?.to_bytes();
        Ok(Answer { status, body, refused_at_the_door, app: app.to_owned() })
    }
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

fn header_value(text: &str) -> sidecar::Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|error| Error::Malformed { call: "invoke".into(), detail: error.to_string() })
}

fn malformed(app: &str, error: &serde_json::Error) -> Error {
    Error::Malformed { call: format!("invoke {app}"), detail: error.to_string() }
}
