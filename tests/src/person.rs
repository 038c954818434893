//! Somebody with a token, who creates, completes and lists.

use anyhow::{Context, Result, ensure};
use contracts::Page;
use contracts::task::Task;
use contracts::token::{AUDIENCE, Claims, ISSUER, SCOPE_USER};
use http::{HeaderMap, Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::suite::Suite;

/// Requests a minute: no story but that of the limit shall meet it.
const RATE: u32 = 1_000_000;

/// A password costs a processor for a while, by design. Stories that all begin by signing up would wait for each other longer than a
/// request may take; here they wait before they ask.
static SIGN_UP: Semaphore = Semaphore::const_new(2);

/// Somebody with a token.
#[derive(Clone)]
pub struct Person {
    /// Who.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// Their access token.
    pub token: String,
    /// The suite they use.
    pub suite: Suite,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The body as `T`, if the status is the expected one.
    ///
    /// # Errors
    /// With the whole answer, when it is another.
    pub fn expect<T: DeserializeOwned>(&self, status: u16) -> Result<T> {
        self.is(status)?;
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }

    /// The answer, if the status is the expected one.
    ///
    /// # Errors
    /// With the whole answer, when it is another.
    pub fn is(&self, status: u16) -> Result<&Self> {
        ensure!(self.status.as_u16() == status, "expected {status}, got {}: {}", self.status, self.body);
        Ok(self)
    }

    /// Names of the fields a refusal names.
    pub fn fields(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().filter_map(|error| Some(error["field"].as_str()?.to_owned())).collect()
    }

    /// A header's value, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Person {
    /// Somebody new, in a tenant of their own.
    ///
    /// # Errors
    /// When the suite's key cannot be read.
    pub fn new(suite: Suite) -> Result<Self> {
        let (user_id, tenant_id) = (Uuid::now_v7(), Uuid::now_v7());
        let token = token(&suite, |claims| {
            claims.user_id = Some(user_id);
            claims.tenant_id = Some(tenant_id);
        })?;
        Ok(Self { user_id, tenant_id, token, suite })
    }

    /// Somebody new who signed up, so that every app knows how they want to be told; with a token of the suite's own key all the same.
    ///
    /// # Errors
    /// When they are refused.
    pub async fn signed_up(suite: Suite) -> Result<Self> {
        let somebody = Self::new(suite)?;
        let email = format!("{}@example.com", somebody.user_id.simple());
        let body =
            serde_json::json!({ "email": email, "display_name": "Ada", "password": "correct horse battery", "timezone": "UTC" });
        let turn = SIGN_UP.acquire().await?;
        let account: Value = somebody.post("/auth/signup", &body).await?.expect(201)?;
        drop(turn);
        let id = |field: &str| account[field].as_str().unwrap_or_default().parse::<Uuid>();
        Self { user_id: id("user_id")?, tenant_id: id("tenant_id")?, ..somebody }.with_token(|_| {})
    }

    /// The same person with another token.
    ///
    /// # Errors
    /// When the suite's key cannot be read.
    pub fn with_token(&self, change: impl FnOnce(&mut Claims)) -> Result<Self> {
        let token = token(&self.suite, |claims| {
            claims.user_id = Some(self.user_id);
            claims.tenant_id = Some(self.tenant_id);
            change(claims);
        })?;
        Ok(Self { token, ..self.clone() })
    }

    /// One request, with further headers and a body as it is.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Result<Answer> {
        let mut request = self.suite.client().request(method, self.suite.url(path)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await?;
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, &[], Some(body.to_string().into_bytes())).await
    }

    /// `PATCH` with a JSON body.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::PATCH, path, &[], Some(body.to_string().into_bytes())).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Makes a task.
    ///
    /// # Errors
    /// When it was refused.
    pub async fn create_task(&self, body: &Value) -> Result<Task> {
        self.post("/tasks", body).await?.expect(201)
    }

    /// Completes a task.
    ///
    /// # Errors
    /// When it was refused.
    pub async fn complete(&self, id: Uuid) -> Result<Task> {
        self.post(&format!("/tasks/{id}/complete"), &Value::Object(serde_json::Map::new())).await?.expect(200)
    }

    /// One page of tasks.
    ///
    /// # Errors
    /// When it was refused.
    pub async fn list(&self, query: &str) -> Result<Page<Task>> {
        self.get(&format!("/tasks{query}")).await?.expect(200)
    }
}

/// A token of the suite's own key: a person's, an hour long, unless `change` says otherwise.
///
/// # Errors
/// When the key cannot be read.
pub fn token(suite: &Suite, change: impl FnOnce(&mut Claims)) -> Result<String> {
    let secrets = suite.stack().secrets();
    let pem = secrets["outrigger-jwt"]["private-key"].as_str();
    sign(pem, &key_id(pem)?, change)
}

/// A token signed with any key under any key id.
///
/// # Errors
/// When the key cannot be read.
pub fn sign(pem: &str, key_id: &str, change: impl FnOnce(&mut Claims)) -> Result<String> {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
    let mut claims = Claims {
        sub: Uuid::now_v7().to_string(),
        user_id: Some(Uuid::now_v7()),
        tenant_id: Some(Uuid::now_v7()),
        client_id: None,
        scope: SCOPE_USER.to_owned(),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        iat: now,
        exp: now + 3600,
        jti: Uuid::new_v4(),
        zoneinfo: Some("UTC".to_owned()),
        rate: Some(RATE),
    };
    change(&mut claims);
    if let Some(user_id) = claims.user_id {
        claims.sub = user_id.to_string();
    }
    let header = Header { kid: Some(key_id.to_owned()), ..Header::new(Algorithm::RS256) };
    Ok(jsonwebtoken::encode(&header, &claims, &EncodingKey::from_rsa_pem(pem.as_bytes())?)?)
}

/// The id of a private key, as identity publishes it.
///
/// # Errors
/// When the key cannot be read.
pub fn key_id(pem: &str) -> Result<String> {
    let key = EncodingKey::from_rsa_pem(pem.as_bytes())?;
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::RS256)?;
    Ok(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256)?)
}
