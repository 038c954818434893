//! Every operation that needs a token is closed without a good one: at the front door, and at the app's own port.

use anyhow::{Context, Result, anyhow, ensure};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tests::person::{self, Answer};
use tests::{Person, Suite, socket, story};
use uuid::Uuid;

use super::{OPERATIONS, Operation, Who, document};

/// What a client may show instead of a good token, each with what is wrong with it.
fn bad(suite: &Suite, person: &Person) -> Result<Vec<(&'static str, Option<String>)>> {
    let parts: Vec<&str> = person.token.split('.').collect();
    let [head, claims, signature] = parts[..] else { anyhow::bail!("a token has three parts") };
    let key_id = jsonwebtoken::decode_header(&person.token)?.kid.context("a key id")?;
    let own = |change: &dyn Fn(&mut contracts::token::Claims)| person.with_token(change).map(|person| person.token);
    let changed = Value::to_string(&json!({ "alg": "none", "typ": "JWT", "kid": key_id }));
    let other_key = other_key()?;
    let public_key = suite.stack().secrets()["outrigger-jwt"]["public-key"].clone();
    let hs256 = Header { kid: Some(key_id.clone()), ..Header::new(Algorithm::HS256) };
    let confused = jsonwebtoken::encode(&hs256, &claims_of(person)?, &EncodingKey::from_secret(public_key.as_bytes()))?;
    let mut flipped = signature.to_owned();
    let last_but_ten = flipped.len() - 10;
    let other = if flipped.as_bytes()[last_but_ten] == b'A' { "B" } else { "A" };
    flipped.replace_range(last_but_ten..=last_but_ten, other);
    let other_person = base64_of(&claims_with(person, "user_id", &json!(Uuid::now_v7()))?.to_string());
    Ok(vec![
        ("no token", None),
        ("an empty token", Some(String::new())),
        ("garbage", Some("garbage".to_owned())),
        ("three parts of garbage", Some("a.b.c".to_owned())),
        ("expired an hour ago", Some(own(&|claims| claims.exp -= 2 * 3600)?)),
        ("expired five seconds ago", Some(own(&|claims| claims.exp = claims.iat - 5)?)),
        ("signed by another key under the suite's id", Some(person::sign(&other_key, &key_id, |_| {})?)),
        ("signed by another key under another id", Some(person::sign(&other_key, "unknown", |_| {})?)),
        ("no algorithm", Some(format!("{}.{claims}.", base64_of(&changed)))),
        ("no algorithm, the signature kept", Some(format!("{}.{claims}.{signature}", base64_of(&changed)))),
        ("the public key taken as a secret", Some(confused)),
        ("one character of the signature changed", Some(format!("{head}.{claims}.{flipped}"))),
        ("another person's id under this signature", Some(format!("{head}.{other_person}.{signature}"))),
        ("for another audience", Some(own(&|claims| claims.aud = "elsewhere".to_owned())?)),
        ("by another issuer", Some(own(&|claims| claims.iss = "https://elsewhere".to_owned())?)),
        (
            "an app's, not a person's",
            Some(own(&|claims| {
                (claims.user_id, claims.tenant_id, claims.scope) = (None, None, "internal:tasks".to_owned());
            })?),
        ),
        ("without a scope", Some(own(&|claims| claims.scope = String::new())?)),
    ])
}

#[tokio::test]
async fn contract_no_operation_opens_to_a_bad_token_at_the_front_door() -> Result<()> {
    story(async |suite, person| {
        let document = document(&suite).await?;
        let bad = bad(&suite, &person)?;
        for operation in OPERATIONS.iter().filter(|operation| operation.who != Who::Anyone) {
            for (what, token) in &bad {
                let answer = ask(&suite, &suite.url(&operation.nobodys()), operation, &document, token.as_deref()).await?;
                refused(&answer).with_context(|| format!("{} {} with {what}", operation.method, operation.path))?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_no_app_believes_the_gateway_that_a_token_is_good() -> Result<()> {
    story(async |suite, person| {
        let document = document(&suite).await?;
        let bad = bad(&suite, &person)?;
        let running = |operation: &&Operation| operation.who != Who::Anyone && suite.runs(operation.app);
        for operation in OPERATIONS.iter().filter(running) {
            let port = suite.stack().instance(operation.app, 0)?.app_port;
            for (what, token) in &bad {
                let url = format!("http://127.0.0.1:{port}{}", operation.nobodys());
                let answer = ask(&suite, &url, operation, &document, token.as_deref()).await?;
                refused(&answer)
                    .with_context(|| format!("{} {} of {} with {what}", operation.method, operation.path, operation.app))?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_operators_operations_are_closed_to_other_people() -> Result<()> {
    story(async |suite, person| {
        let document = document(&suite).await?;
        let operator = person.with_token(|claims| claims.scope = "user ops".to_owned())?;
        for operation in OPERATIONS.iter().filter(|operation| operation.who == Who::Operator && suite.runs(operation.app)) {
            let url = suite.url(&operation.nobodys());
            let answer = ask(&suite, &url, operation, &document, Some(&person.token)).await?;
            answer.is(403).with_context(|| format!("{} {}", operation.method, operation.path))?;
            let answer = ask(&suite, &url, operation, &document, Some(&operator.token)).await?;
            let expected = if operation.path.contains('{') { 404 } else { 200 };
            answer.is(expected).with_context(|| format!("an operator's {} {}", operation.method, operation.path))?;
        }
        Ok(())
    })
    .await
}

/// One request with its example body.
async fn ask(suite: &Suite, url: &str, operation: &Operation, document: &Value, token: Option<&str>) -> Result<Answer> {
    let mut request = suite.client().request(operation.method.parse::<Method>()?, url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(example) = operation.example(document)? {
        request = request.json(&example);
    }
    let response = request.send().await?;
    Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
}

/// A 401 as every refusal looks.
fn refused(answer: &Answer) -> Result<()> {
    let problem = answer.is(401)?.json();
    ensure!(answer.header("content-type") == "application/problem+json", "{:?}", answer.headers);
    ensure!(answer.header("www-authenticate") == "Bearer", "{:?}", answer.headers);
    ensure!(problem["code"] == "unauthorized" && problem["status"] == 401, "{problem}");
    for member in ["type", "title", "detail", "instance", "trace_id", "correlation_id"] {
        ensure!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} is missing: {problem}");
    }
    Ok(())
}

fn claims_of(person: &Person) -> Result<Value> {
    Ok(jsonwebtoken::dangerous::insecure_decode::<Value>(&person.token)?.claims)
}

fn claims_with(person: &Person, name: &str, value: &Value) -> Result<Value> {
    let mut claims = claims_of(person)?;
    claims[name] = value.clone();
    Ok(claims)
}

/// An RSA key that nobody in the suite has.
fn other_key() -> Result<String> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no key could be made"))?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| anyhow!("the key cannot be written"))?;
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der.as_ref())))
}

fn base64_of(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// A browser cannot send headers with an upgrade, so the socket's token stands in the query. Without a good one nothing is upgraded, at
/// the front door and at each instance.
#[tokio::test]
async fn contract_no_socket_opens_to_a_bad_token() -> Result<()> {
    story(async |suite, person| {
        let bad = bad(&suite, &person)?;
        let instances = suite.stack().instances().iter().filter(|instance| instance.app == "realtime");
        let own = instances.map(|instance| format!("http://127.0.0.1:{}", instance.app_port));
        for base in own.chain([suite.url("")]) {
            for (what, token) in &bad {
                let query = token.as_ref().map(|token| format!("?token={token}")).unwrap_or_default();
                let (status, words) = socket::knock(&base, &query).await.with_context(|| format!("{base} with {what}"))?;
                ensure!(status == 401 && words.contains("\"code\":\"unauthorized\""), "{base} with {what}: {status} {words}");
            }
            let (status, words) = socket::knock(&base, &format!("?token={}", person.token)).await?;
            ensure!(status == 101, "{base} with a good token: {status} {words}");
        }
        Ok(())
    })
    .await
}
