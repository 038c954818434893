//! A new signing key takes over while people go on working: nobody who holds a valid token is refused, and the old key goes after its time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contracts::token::Claims;
use futures::future::try_join_all;
use http::Method;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tests::{Person, Suite, eventually, person};

use super::{BACK, SOON, alone, is_open, now, options, say};

/// How long an access token lives here, in place of a quarter of an hour.
const LIFE: i64 = 10;
/// A token that ends sooner than this is not used: it may end on its way.
const ENDING: i64 = 2;
/// People who work meanwhile.
const WORKERS: usize = 4;

/// A pair of keys, as the secret holds them.
struct Pair {
    private: String,
    public: String,
    id: String,
}

/// How many requests were answered, by the id of the key of their token.
type Served = RefCell<BTreeMap<String, usize>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_a_new_signing_key_takes_over_and_no_valid_token_is_refused() -> Result<()> {
    let apps = ["identity", "tasks", "gateway"];
    let mut options = options("rotation", &apps)?;
    options.replicas = [("identity".to_owned(), 2), ("tasks".to_owned(), 2), ("gateway".to_owned(), 2)].into();
    for app in apps {
        options.env.entry(app.to_owned()).or_default().insert("KEYS_SECONDS".to_owned(), "1".to_owned());
    }
    options.env.entry("identity".to_owned()).or_default().insert("ACCESS_TOKEN_SECONDS".to_owned(), LIFE.to_string());
    alone(options, run).await
}

async fn run(suite: &Suite) -> Result<()> {
    let kept = suite.stack().secrets()["outrigger-jwt"].clone();
    let old = Pair::of(kept["private-key"].clone(), kept["public-key"].clone())?;
    let new = Pair::new()?;
    let mut clients = Vec::new();
    for _ in 0..WORKERS {
        clients.push(Client::sign_up(suite).await?);
    }
    let (over, served) = (Cell::new(false), Served::default());
    let rotated = async {
        works_on(&served, &old).await?;
        // Announced, before anything is signed with it.
        set(suite, [("private-key", &old.private), ("public-key", &old.public), ("next-public-key", &new.public)]).await?;
        eventually("every app knows the new key", SOON, async || all_answer(suite, &new, 200).await).await?;
        // It signs, and the old one stays for the life of a token.
        set(suite, [("private-key", &new.private), ("public-key", &new.public), ("previous-public-key", &old.public)]).await?;
        works_on(&served, &new).await?;
        ensure!(all_answer(suite, &old, 200).await?.is_some(), "a token of the old key is refused in its time");
        let last = now().timestamp() + LIFE;
        eventually("the last token of the old key has ended", SOON, async || Ok((now().timestamp() > last).then_some(())))
            .await?;
        set(suite, [("private-key", &new.private), ("public-key", &new.public)]).await?;
        eventually("nobody takes the old key", SOON, async || all_answer(suite, &old, 401).await).await?;
        works_on(&served, &new).await?;
        over.set(true);
        anyhow::Ok(())
    };
    tokio::try_join!(try_join_all(clients.iter().map(|client| client.work(&over, &served))), rotated)?;
    say(&format!("requests by the key of their token, none refused: {:?}", served.borrow()));
    Ok(())
}

impl Pair {
    fn new() -> Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no key could be made"))?;
        let failed = |_| anyhow!("the key cannot be written");
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
        Self::of(pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
    }

    fn of(private: String, public: String) -> Result<Self> {
        let key = Jwk::from_encoding_key(&EncodingKey::from_rsa_pem(private.as_bytes())?, Algorithm::RS256)?;
        Ok(Self { private, public, id: key.thumbprint(ThumbprintHash::SHA256)? })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// Somebody's program, with credentials that identity gave.
struct Client {
    person: Person,
    credentials: Value,
}

impl Client {
    async fn sign_up(suite: &Suite) -> Result<Self> {
        let person = suite.anew()?.person()?;
        let email = format!("{}@example.com", person.user_id.simple());
        let body = json!({ "email": email, "display_name": "Ada", "password": "correct horse battery" });
        let account: Value = person.post("/auth/signup", &body).await?.expect(201)?;
        let credentials = json!({
            "grant_type": "client_credentials", "client_id": account["client_id"], "client_secret": account["client_secret"],
        });
        Ok(Self { person, credentials })
    }

    /// A token that identity signed. While its instances are restarted, one may have to be asked again.
    async fn token(&self) -> Result<String> {
        let answer = eventually("a token", BACK, async || {
            let answer = self.person.post("/auth/token", &self.credentials).await?;
            Ok((!is_open(answer.status)).then_some(answer))
        })
        .await?;
        let answer: Value = answer.expect(200)?;
        ensure!(answer["expires_in"] == LIFE, "{answer}");
        Ok(answer["access_token"].as_str().context("a token")?.to_owned())
    }

    /// Works, with each token for as long as it is valid; no request is refused.
    async fn work(&self, over: &Cell<bool>, served: &Served) -> Result<()> {
        while !over.get() {
            let token = self.token().await?;
            let id = jsonwebtoken::decode_header(&token)?.kid.context("a key id")?;
            let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(&token)?.claims;
            let person = Person { token, ..self.person.clone() };
            while now().timestamp() < claims.exp - ENDING && !over.get() {
                person.get("/tasks?limit=1").await?.is(200).with_context(|| format!("a valid token of the key {id}"))?;
                *served.borrow_mut().entry(id.clone()).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// Waits until more requests are served with tokens of this key.
async fn works_on(served: &Served, pair: &Pair) -> Result<()> {
    let count = || served.borrow().get(&pair.id).copied().unwrap_or_default();
    let enough = count() + 10 * WORKERS;
    eventually("people work with tokens of the key", SOON, async || Ok((count() >= enough).then_some(()))).await
}

/// Puts keys into the secret, and restarts the instances of identity one after the other, as a rollout does.
async fn set<const N: usize>(suite: &Suite, keys: [(&str, &String); N]) -> Result<()> {
    let path = suite.stack().run_dir().join("secrets.json");
    let mut secrets: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    secrets["outrigger-jwt"] = json!(BTreeMap::from(keys));
    std::fs::write(&path, secrets.to_string())?;
    for instance in ["identity", "identity-1"] {
        suite.stack().stop(instance).await?;
        suite.stack().restart(&format!("{instance}-daprd")).await?;
        suite.stack().start_part(instance).await?;
        suite.stack().wait_ready(BACK).await?;
    }
    Ok(())
}

/// What each instance that checks tokens answers to one that this key signed.
async fn answers(suite: &Suite, pair: &Pair) -> Result<Vec<u16>> {
    let somebody = suite.person()?;
    let token = person::sign(&pair.private, &pair.id, |claims| {
        (claims.user_id, claims.tenant_id) = (Some(somebody.user_id), Some(somebody.tenant_id));
    })?;
    let checks = suite.stack().instances().iter().filter(|instance| instance.app != "identity");
    try_join_all(checks.map(|instance| {
        let url = format!("http://127.0.0.1:{}/tasks?limit=1", instance.app_port);
        let request = suite.client().request(Method::GET, url).bearer_auth(&token);
        async move { Ok(request.send().await?.status().as_u16()) }
    }))
    .await
}

/// Whether all of them answer so.
async fn all_answer(suite: &Suite, pair: &Pair, status: u16) -> Result<Option<()>> {
    Ok(answers(suite, pair).await?.iter().all(|answered| *answered == status).then_some(()))
}
