//! What identity gives for client credentials, and to whom it gives nothing.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, Suite, eventually, story};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use uuid::Uuid;

/// How often an unknown client and a wrong secret are timed at least, in turn.
const TIMED: usize = 20;
/// Long enough for each to be undisturbed once.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody's client, as sign-up gave it.
struct Client {
    email: String,
    id: String,
    secret: String,
}

async fn sign_up(person: &Person) -> Result<(Client, Value)> {
    let email = format!("{}@example.com", Uuid::new_v4().simple());
    let account: Value = person.post("/auth/signup", &body_of(&email)).await?.expect(201)?;
    let text = |field: &str| account[field].as_str().unwrap_or_default().to_owned();
    Ok((Client { email, id: text("client_id"), secret: text("client_secret") }, account))
}

fn body_of(email: &str) -> Value {
    json!({ "email": email, "display_name": "Ada", "password": "correct horse battery" })
}

/// The same parameters as JSON and as a form.
async fn both(person: &Person, parameters: &[(&str, &str)]) -> Result<[Answer; 2]> {
    let fields: serde_json::Map<String, Value> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let form = reqwest::Url::parse_with_params("http://localhost", parameters)?.query().unwrap_or_default().to_owned();
    let json = person.post("/auth/token", &Value::Object(fields)).await?;
    Ok([json, send(person, "application/x-www-form-urlencoded", &form).await?])
}

/// A body of any kind.
async fn send(person: &Person, kind: &str, body: &str) -> Result<Answer> {
    let url = person.suite.url("/auth/token");
    let request = person.suite.client().request(Method::POST, url).header("content-type", kind).body(body.to_owned());
    let response = request.send().await?;
    Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
}

/// A refusal says OAuth's word, is a problem as all are, gives no token, and stays out of caches.
fn refused(answer: &Answer, status: u16, word: &str) -> Result<()> {
    let problem = answer.is(status)?.json();
    ensure!(problem["error"] == word && problem["status"] == status, "{word}: {problem}");
    ensure!(answer.header("content-type") == "application/problem+json", "{:?}", answer.headers);
    ensure!(answer.header("cache-control") == "no-store", "{:?}", answer.headers);
    ensure!(problem.get("access_token").is_none() && problem["correlation_id"].is_string(), "{problem}");
    Ok(())
}

#[tokio::test]
async fn contract_client_credentials_give_a_token_that_others_can_verify() -> Result<()> {
    story(async |suite, person| {
        let (client, account) = sign_up(&person).await?;
        let right = [("grant_type", "client_credentials"), ("client_id", &client.id), ("client_secret", &client.secret)];
        for answer in both(&person, &right).await? {
            let given: Value = answer.expect(200)?;
            let told = (&given["token_type"], &given["expires_in"], &given["scope"]);
            ensure!(told == (&json!("Bearer"), &json!(900), &json!("user")), "{given}");
            ensure!(given["refresh_token"].as_str().is_some_and(|token| token.len() > 40), "{given}");
            ensure!(answer.header("cache-control") == "no-store", "{:?}", answer.headers);
            let token = given["access_token"].as_str().context("a token")?;
            let claims = is_signed_by_the_published_key(&suite, &person, token).await?;
            for field in ["user_id", "tenant_id"] {
                ensure!(claims[field] == account[field] && claims[field].is_string(), "{field}: {claims}");
            }
            ensure!(claims["sub"] == claims["user_id"] && claims["scope"] == "user", "{claims}");
            ensure!(
                claims["iss"] == "https://outrigger" && claims["aud"] == "outrigger" && claims["jti"].is_string(),
                "{claims}"
            );
            let lives = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
            ensure!(lives == Some(900), "{claims}");
            let themselves = Person { token: token.to_owned(), ..person.clone() };
            themselves.get("/tasks").await?.is(200)?;
        }
        Ok(())
    })
    .await
}

/// Has OpenSSL, which knows nothing of us, verify a token by the key that is published under its id; gives the claims.
async fn is_signed_by_the_published_key(suite: &Suite, person: &Person, token: &str) -> Result<Value> {
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { anyhow::bail!("three parts: {token}") };
    let part = |text: &str| anyhow::Ok(serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(text)?)?);
    let header = part(head)?;
    ensure!(header["alg"] == "RS256", "{header}");
    let published: Value = person.get("/.well-known/jwks.json").await?.expect(200)?;
    let keys = published["keys"].as_array().context("keys")?;
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).with_context(|| format!("{header} of {published}"))?;
    let public = serde_json::from_value::<jsonwebtoken::jwk::Jwk>(key.clone())?;
    ensure!(public.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256)? == key["kid"], "{key}");

    let folder = suite.stack().run_dir().join(format!("verify-{}", Uuid::new_v4().simple()));
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("public.pem"), &suite.stack().secrets()["outrigger-jwt"]["public-key"])?;
    std::fs::write(folder.join("signature"), BASE64_URL_SAFE_NO_PAD.decode(signature)?)?;
    let mut verify = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("openssl comes with PostgreSQL's packages")?;
    verify.stdin.take().context("a pipe")?.write_all(format!("{head}.{claims}").as_bytes()).await?;
    let said = verify.wait_with_output().await?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    part(claims)
}

#[tokio::test]
async fn contract_every_other_request_for_a_token_is_refused_with_its_word() -> Result<()> {
    story(async |suite, person| {
        let (client, _) = sign_up(&person).await?;
        let (id, secret) = (client.id.as_str(), client.secret.as_str());
        let (grant, other, long) = (("grant_type", "client_credentials"), Uuid::new_v4().to_string(), "x".repeat(513));
        let id_and_secret = [("client_id", id), ("client_secret", secret)];
        let of = |own: &[(&'static str, &str)]| {
            own.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<(&'static str, String)>>()
        };
        let cases = [
            (401, "invalid_client", of(&[grant, ("client_id", id), ("client_secret", "wrong")])),
            (401, "invalid_client", of(&[grant, ("client_id", id), ("client_secret", &secret[1..])])),
            (401, "invalid_client", of(&[grant, ("client_id", &other), ("client_secret", secret)])),
            (401, "invalid_client", of(&[grant, ("client_id", "nobody"), ("client_secret", secret)])),
            (401, "invalid_client", of(&[grant, ("client_id", "tasks"), ("client_secret", secret)])),
            (400, "invalid_request", of(&[("grant_type", "password"), id_and_secret[0], id_and_secret[1]])),
            (401, "invalid_grant", of(&[("grant_type", "password"), ("username", "nobody@example.com"), ("password", "wrong")])),
            (401, "invalid_grant", of(&[("grant_type", "password"), ("username", "no address"), ("password", "wrong")])),
            (400, "unsupported_grant_type", of(&[("grant_type", "authorization_code"), id_and_secret[0], id_and_secret[1]])),
            (400, "invalid_request", of(&id_and_secret)),
            (400, "invalid_request", of(&[grant, ("client_id", id)])),
            (400, "invalid_request", of(&[grant, ("client_secret", secret)])),
            (400, "invalid_request", of(&[grant, ("client_id", ""), ("client_secret", secret)])),
            (400, "invalid_request", of(&[grant, ("client_id", id), ("client_secret", &long)])),
            (400, "invalid_request", of(&[])),
            (400, "invalid_scope", of(&[grant, id_and_secret[0], id_and_secret[1], ("scope", "ops")])),
            (400, "invalid_scope", of(&[grant, id_and_secret[0], id_and_secret[1], ("scope", "internal:tasks")])),
        ];
        for (status, word, parameters) in &cases {
            let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
            for answer in both(&person, &parameters).await? {
                refused(&answer, *status, word).with_context(|| format!("{parameters:?}"))?;
                ensure!(!answer.body.contains(secret), "it repeats the secret: {}", answer.body);
            }
        }
        let form = "application/x-www-form-urlencoded";
        let twice = format!("grant_type=client_credentials&client_id={id}&client_id={id}&client_secret={secret}");
        for (kind, body, status) in [
            (form, twice.as_str(), 400),
            ("application/json", "{", 400),
            ("application/json", "[]", 400),
            ("application/json", r#"{"grant_type":1}"#, 400),
            ("application/json", "", 400),
            ("text/plain", "grant_type=client_credentials", 415),
        ] {
            refused(&send(&person, kind, body).await?, status, "invalid_request").with_context(|| format!("{kind} {body}"))?;
        }
        // What was refused has changed nothing: the client is as good as before.
        for answer in both(&person, &[grant, id_and_secret[0], id_and_secret[1]]).await? {
            answer.is(200)?;
        }
        let taken = person.post("/auth/signup", &body_of(&client.email.to_uppercase())).await?;
        ensure!(taken.is(409)?.json()["code"] == "conflict", "{}", taken.body);
        as_long_for_nobody_as_for_a_wrong_secret(&suite, id).await
    })
    .await
}

/// The time of a refusal does not tell whether there is such a client: the fastest of both come together, whatever else the machine does.
async fn as_long_for_nobody_as_for_a_wrong_secret(suite: &Suite, id: &str) -> Result<()> {
    let url = format!("http://127.0.0.1:{}/auth/token", suite.stack().instance("identity", 0)?.app_port);
    let refusal = async |shown: String| -> Result<Duration> {
        let body = json!({ "grant_type": "client_credentials", "client_id": shown, "client_secret": "wrong" });
        let request = suite.client().post(&url).json(&body);
        let began = Instant::now();
        let answer = request.send().await?;
        ensure!(answer.status() == 401, "{}", answer.status());
        Ok(began.elapsed())
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    let mut rounds = 0;
    eventually("a refusal takes as long for nobody as for a client", PATIENCE, async || {
        known = known.min(refusal(id.to_owned()).await?);
        unknown = unknown.min(refusal(Uuid::new_v4().to_string()).await?);
        rounds += 1;
        let (less, more) = (known.min(unknown), known.max(unknown));
        ensure!(rounds >= TIMED && more < less * 5 / 4, "{known:?} for a known client, {unknown:?} for none");
        Ok(Some(()))
    })
    .await
}
