//! identity as the others see it: a key set, tokens, and whatever else is asked of it; a server in this process.

use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contracts::token::{AUDIENCE, Claims, ISSUER};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Each test has a runtime that ends with it; the servers outlive them all.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A key and the name it is published under.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub key: EncodingKey,
}

impl Key {
    pub fn of_pem(id: &str, pem: &str) -> Self {
        Self { id: id.to_owned(), key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap() }
    }

    pub fn new(id: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        Self::of_pem(id, &format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref())))
    }

    pub fn sign(&self, claims: &impl serde::Serialize) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(self.id.clone());
        jwk
    }
}

fn now() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

/// What a person's token says.
pub fn person() -> Claims {
    Claims {
        sub: Uuid::new_v4().to_string(),
        user_id: Some(Uuid::new_v4()),
        tenant_id: Some(Uuid::new_v4()),
        client_id: None,
        scope: "user".into(),
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        iat: now(),
        exp: now() + 900,
        jti: Uuid::new_v4(),
        zoneinfo: None,
        rate: None,
    }
}

/// What the token of an app says.
pub fn app(sub: &str, scope: &str) -> Claims {
    Claims { sub: sub.into(), user_id: None, tenant_id: None, scope: scope.into(), ..person() }
}

#[derive(Clone)]
pub struct Issuer {
    pub key: Key,
    /// What is published; nothing: 503.
    published: Arc<Mutex<Vec<Key>>>,
    fetches: Arc<Mutex<usize>>,
    heard: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Issuer {
    pub fn start(port: u16, key: Key) -> Self {
        let issuer =
            Self { published: Arc::new(Mutex::new(vec![key.clone()])), key, fetches: Arc::default(), heard: Arc::default() };
        let router = Router::new()
            .route("/ready", get(async || "{}"))
            .route("/dapr/config", get(async || "{}"))
            .route("/dapr/subscribe", get(async || Json(json!([]))))
            .route("/.well-known/jwks.json", get(keys))
            .route("/auth/token", post(token))
            .fallback(hear)
            .with_state(issuer.clone());
        serve(port, router);
        issuer
    }

    /// Publishes these keys and no other.
    pub fn publish(&self, keys: &[Key]) {
        *self.published.lock().unwrap() = keys.to_vec();
    }

    /// How often the key set was asked for.
    pub fn fetches(&self) -> usize {
        *self.fetches.lock().unwrap()
    }

    /// The headers of what was asked on `path`.
    pub fn heard(&self, path: &str) -> Vec<HeaderMap> {
        self.heard.lock().unwrap().iter().filter(|(asked, _)| asked == path).map(|(_, headers)| headers.clone()).collect()
    }
}

/// Serves on a port of this machine until the process ends.
pub fn serve(port: u16, router: Router) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    RUNTIME.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

async fn keys(State(issuer): State<Issuer>) -> Response {
    *issuer.fetches.lock().unwrap() += 1;
    let keys: Vec<Jwk> = issuer.published.lock().unwrap().iter().map(Key::public).collect();
    if keys.is_empty() { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { Json(JwkSet { keys }).into_response() }
}

async fn token(State(issuer): State<Issuer>, Json(request): Json<Value>) -> Json<Value> {
    let claims = app(request["client_id"].as_str().unwrap(), request["scope"].as_str().unwrap());
    Json(json!({ "access_token": issuer.key.sign(&claims), "expires_in": 900 }))
}

async fn hear(State(issuer): State<Issuer>, request: Request) -> &'static str {
    issuer.heard.lock().unwrap().push((request.uri().path().to_owned(), request.headers().clone()));
    "heard"
}
