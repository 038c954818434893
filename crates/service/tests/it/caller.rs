//! The public door: which tokens open it, and what happens when the keys are not to be had.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::token::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tokio::sync::Mutex;

use crate::ground::{Answer, Ground, ask, eventually, probe, shared};
use crate::issuer::{Key, app, person};

/// These tests change what identity publishes; what is known already stays known to all others.
static PUBLISHED: Mutex<()> = Mutex::const_new(());

async fn me(ground: &Ground, token: &str) -> Answer {
    ground.ask("GET", "/me", &[("authorization", &format!("Bearer {token}"))], "").await
}

fn refused(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("unauthorized")), "{why}: {}", answer.body);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_good_token_says_who_it_is() {
    let ground = shared().await;
    let claims = person();
    let answer = me(&ground, &ground.issuer.key.sign(&claims)).await;
    assert_eq!((answer.status, answer.body), (200, claims.user_id.unwrap().to_string()));
}

#[tokio::test]
async fn a_request_without_a_bearer_token_is_refused() {
    let ground = shared().await;
    refused(&ground.ask("GET", "/me", &[], "").await, "none");
    let token = ground.token();
    for header in ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", &token, "Bearer a.b.c", "Bearer ...", "Bearer ä"] {
        refused(&ground.ask("GET", "/me", &[("authorization", header)], "").await, header);
    }
}

#[tokio::test]
async fn a_token_that_is_not_ours_unexpired_and_for_people_is_refused() {
    let ground = shared().await;
    let key = &ground.issuer.key;
    let without = |claim: &str| {
        let mut claims = serde_json::to_value(person()).unwrap();
        claims.as_object_mut().unwrap().remove(claim);
        key.sign(&claims)
    };
    let forged = Key { id: key.id.clone(), ..Key::new("forged") };
    for (why, token) in [
        ("expired", key.sign(&Claims { exp: person().exp - 2000, ..person() })),
        ("another audience", key.sign(&Claims { aud: "others".into(), ..person() })),
        ("another issuer", key.sign(&Claims { iss: "https://elsewhere".into(), ..person() })),
        ("another key under our name", forged.sign(&person())),
        ("an app's", key.sign(&app("web", "internal:tasks"))),
        ("no scope of a person", key.sign(&Claims { scope: "internal:tasks".into(), ..person() })),
        ("no exp", without("exp")),
        ("no aud", without("aud")),
        ("no iss", without("iss")),
        ("no sub", without("sub")),
    ] {
        refused(&me(&ground, &token).await, why);
    }
    let changed = ground.token();
    let (head, rest) = changed.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&person()).unwrap());
    refused(&me(&ground, &format!("{head}.{body}.{signature}")).await, "another body");
    refused(&me(&ground, &format!("{head}.{body}.")).await, "no signature");
}

#[tokio::test]
async fn no_other_algorithm_is_taken_for_ours() {
    let ground = shared().await;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = part(serde_json::to_value(person()).unwrap());
    for name in ["none", "None", "NONE", ""] {
        let head = part(json!({ "alg": name, "typ": "JWT", "kid": ground.issuer.key.id }));
        refused(&me(&ground, &format!("{head}.{claims}.")).await, name);
    }
    // The public key is known to everybody: taken for a shared secret it would open every door.
    let public = &ground.stack.secrets()["outrigger-jwt"]["public-key"];
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let header = Header { kid: Some(ground.issuer.key.id.clone()), ..Header::new(algorithm) };
        let token = jsonwebtoken::encode(&header, &person(), &EncodingKey::from_secret(public.as_bytes())).unwrap();
        refused(&me(&ground, &token).await, "HMAC with the public key");
    }
    let header = Header { kid: Some(ground.issuer.key.id.clone()), ..Header::new(Algorithm::RS512) };
    refused(&me(&ground, &jsonwebtoken::encode(&header, &person(), &ground.issuer.key.key).unwrap()).await, "RS512");
    refused(
        &me(&ground, &jsonwebtoken::encode(&Header::new(Algorithm::RS256), &person(), &ground.issuer.key.key).unwrap()).await,
        "no kid",
    );
}

#[tokio::test]
async fn forged_key_names_cost_one_look_in_ten_seconds_also_when_identity_is_away() {
    let (ground, _guard) = (shared().await, PUBLISHED.lock().await);
    let forged = Key::new("unknown");
    let look = async |number: usize| {
        refused(&me(&ground, &Key { id: format!("unknown-{number}"), ..forged.clone() }.sign(&person())).await, "unknown");
        ground.issuer.fetches()
    };
    for away in [true, false] {
        ground.issuer.publish(if away { &[] } else { std::slice::from_ref(&ground.issuer.key) });
        let before = ground.issuer.fetches();
        // The ten seconds since the last look end.
        eventually("it looks again", async || (look(0).await > before).then_some(())).await;
        for number in 1..=25 {
            assert_eq!(look(number).await, before + 1, "away: {away}");
        }
        // What is known stays known.
        assert_eq!(me(&ground, &ground.token()).await.status, 200);
    }
    ground.issuer.publish(std::slice::from_ref(&ground.issuer.key));
}

#[tokio::test]
async fn a_new_key_is_found_without_a_restart() {
    let (ground, _guard) = (shared().await, PUBLISHED.lock().await);
    let second = Key::new("second");
    ground.issuer.publish(&[ground.issuer.key.clone(), second.clone()]);
    let token = second.sign(&person());
    eventually("the new key is known", async || (me(&ground, &token).await.status == 200).then_some(())).await;
    assert_eq!(me(&ground, &ground.token()).await.status, 200);
    ground.issuer.publish(std::slice::from_ref(&ground.issuer.key));
}

#[tokio::test]
async fn before_any_key_was_seen_the_answer_is_503_and_then_the_door_opens() {
    let (ground, _guard) = (shared().await, PUBLISHED.lock().await);
    ground.issuer.publish(&[]);
    let (instance, port) = (ground.instance("tasks", 0), free_port());
    let mut child = tokio::process::Command::new(probe())
        .env("APP_PORT", port.to_string())
        .env("DAPR_HTTP_PORT", instance.dapr_http_port.to_string())
        .env("DAPR_GRPC_PORT", instance.dapr_grpc_port.to_string())
        .env("DAPR_API_TOKEN", &instance.dapr_api_token)
        .env("APP_API_TOKEN", &instance.app_api_token)
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let bearer = format!("Bearer {}", ground.token());
    let me = async || ask(port, "GET", "/me", &[("authorization", &bearer)], "").await.ok();
    let started = async || me().await.filter(|answer| !answer.body.contains("starting"));
    let answer = eventually("it has started", started).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")), "{}", answer.body);
    let ready = ask(port, "GET", "/ready", &[], "").await.unwrap();
    assert_eq!((ready.status, ready.json()["checks"]["keys"].as_str()), (503, Some("never fetched from identity")));
    ground.issuer.publish(std::slice::from_ref(&ground.issuer.key));
    eventually("the door opens", async || me().await.filter(|answer| answer.status == 200)).await;
    child.kill().await.unwrap();
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
