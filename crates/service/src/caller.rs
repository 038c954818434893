//! Who is asking, on a public door: a JWT that every app verifies by itself against identity's keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use contracts::token::{AUDIENCE, Claims, DEFAULT_RATE, ISSUER, SCOPE_OPS, SCOPE_USER};
use http_body_util::BodyExt;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sidecar::Sidecar;
use sidecar::invoke::{Path, Request};
use tokio::sync::{Mutex, RwLock};
use uuid::Uuid;

use crate::access::Actor;
use crate::problem::{Code, Problem};

/// An unknown key id is looked up at most this often, so that forged ids cost nothing.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Time allowed for the key set.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// Clocks of two machines may differ by this many seconds.
const LEEWAY: u64 = 2;

/// A person, with a token for the public routes.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub user_id: Uuid,
    /// Their tenant.
    pub tenant_id: Uuid,
    /// IANA zone when the token was made.
    pub zoneinfo: String,
    /// State-changing requests a minute.
    pub rate: u32,
    /// All the token says.
    pub claims: Claims,
}

impl Caller {
    /// Whether they may look after the suite itself.
    pub fn is_operator(&self) -> bool {
        self.claims.has_scope(SCOPE_OPS)
    }
}

/// Identity's public keys: fetched by invocation every now and then, so that one whose time is over is forgotten, and when a token names an
/// unknown one; kept when identity is away.
#[derive(Clone)]
pub struct Keys {
    sidecar: Sidecar,
    known: Arc<RwLock<HashMap<String, DecodingKey>>>,
    last_look: Arc<Mutex<Option<Instant>>>,
}

impl Keys {
    /// None known yet.
    pub fn new(sidecar: Sidecar) -> Self {
        Self { sidecar, known: Arc::default(), last_look: Arc::default() }
    }

    /// Whether any key was ever seen.
    pub async fn any(&self) -> bool {
        !self.known.read().await.is_empty()
    }

    /// Looks for a key that is not known, at most once in 10 s when there are others.
    async fn look(&self) -> sidecar::Result<()> {
        let mut last = self.last_look.lock().await;
        if self.any().await && last.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        // Noted before it is asked: forged ids must cost nothing also while identity is away.
        *last = Some(Instant::now());
        self.fetch().await
    }

    /// Fetches the key set.
    ///
    /// # Errors
    /// When identity does not answer; what was known stays.
    pub async fn fetch(&self) -> sidecar::Result<()> {
        let request = Request {
            app: "identity",
            method: http::Method::GET,
            path: Path::internal(&[".well-known", "jwks.json"])?,
            query: None,
            headers: HeaderMap::new(),
            body: reqwest::Body::default(),
            timeout: FETCH_TIMEOUT,
        };
        let malformed = |detail: String| sidecar::Error::Malformed { call: "invoke identity".into(), detail };
        let response = self.sidecar.invoke(request).await?;
        if !response.status().is_success() {
            return Err(sidecar::Error::NoAnswer { call: "invoke identity".into(), detail: response.status().to_string() });
        }
        let body = response.into_body().collect().await.map_err(|error| malformed(error.to_string()))?.to_bytes();
        let set: JwkSet = serde_json::from_slice(&body).map_err(|error| malformed(error.to_string()))?;
        self.put(&set).await;
        Ok(())
    }

    /// Takes a key set as the current one.
    pub async fn put(&self, set: &JwkSet) {
        let keys = set.keys.iter().filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?)));
        *self.known.write().await = keys.collect();
    }

    /// The claims of a token, if it is ours, unexpired and meant for the suite.
    ///
    /// # Errors
    /// 401 for a bad token, 503 when no key was ever seen.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let header = jsonwebtoken::decode_header(token).map_err(refused)?;
        let id = header.kid.ok_or_else(|| Problem::new(Code::Unauthorized, "The token names no key."))?;
        if !self.known.read().await.contains_key(&id)
            && let Err(error) = self.look().await
            && !self.any().await
        {
            return Err(Problem::unavailable(error));
        }
        let known = self.known.read().await;
        let key = known.get(&id).ok_or_else(|| Problem::new(Code::Unauthorized, "The token was not signed by this suite."))?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY;
        let data = jsonwebtoken::decode::<Claims>(token, key, &validation).map_err(refused)?;
        Ok(data.claims)
    }
}

fn refused(error: jsonwebtoken::errors::Error) -> Problem {
    use jsonwebtoken::errors::ErrorKind;
    let detail = match error.kind() {
        ErrorKind::ExpiredSignature => "The token has expired.",
        _ => "The token is not valid.",
    };
    Problem::new(Code::Unauthorized, detail).caused_by(error)
}

/// The bearer token of a request.
///
/// # Errors
/// 401 when there is none.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => Ok(token.trim()),
        _ => Err(Problem::new(Code::Unauthorized, "Send the token as Authorization: Bearer.")),
    }
}

impl TryFrom<Claims> for Caller {
    type Error = Problem;

    fn try_from(claims: Claims) -> Result<Self, Problem> {
        match (claims.user_id, claims.tenant_id) {
            (Some(user_id), Some(tenant_id)) if claims.has_scope(SCOPE_USER) || claims.has_scope(SCOPE_OPS) => Ok(Self {
                user_id,
                tenant_id,
                zoneinfo: claims.zoneinfo.clone().unwrap_or_else(|| "UTC".into()),
                rate: claims.rate.unwrap_or(DEFAULT_RATE),
                claims,
            }),
            _ => Err(Problem::new(Code::Unauthorized, "The token is not a person's.")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let keys = parts.extensions.get::<Keys>().cloned();
        let keys = keys.ok_or_else(|| Problem::new(Code::Internal, "The failure was recorded; the correlation id finds it."))?;
        let caller = Self::try_from(keys.verify(bearer(&parts.headers)?).await?)?;
        if let Some(actor) = parts.extensions.get::<Actor>() {
            // Asked twice in one request, it is the same person.
            let _ = actor.0.set(caller.user_id);
        }
        Ok(caller)
    }
}
