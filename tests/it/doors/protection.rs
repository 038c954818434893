//! What protects a browser: headers on every answer, whatever its status, and other origins only where they are configured (TSK-109).

use anyhow::{Context, Result, ensure};
use http::{HeaderMap, Method};
use reqwest::Response;
use tests::{Person, Suite, story};

const FRIEND: &str = "https://friend.example";

/// A request and the status it gets.
struct Case {
    method: Method,
    path: &'static str,
    body: Option<Vec<u8>>,
    token: bool,
    status: u16,
}

fn case(method: Method, path: &'static str, body: Option<&str>, token: bool, status: u16) -> Case {
    Case { method, path, body: body.map(|text| text.as_bytes().to_vec()), token, status }
}

async fn ask(suite: &Suite, person: &Person, case: &Case, headers: &[(&str, &str)]) -> Result<Response> {
    let mut request = suite.client().request(case.method.clone(), suite.url(case.path));
    if case.token {
        request = request.bearer_auth(&person.token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = &case.body {
        request = request.header("content-type", "application/json").body(body.clone());
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    ensure!(status == case.status, "{} {}: {status}, {}", case.method, case.path, response.text().await?);
    Ok(response)
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn protected(headers: &HeaderMap) -> Result<()> {
    ensure!(value(headers, "content-security-policy").contains("default-src 'none'"), "CSP: {headers:?}");
    ensure!(value(headers, "content-security-policy").contains("frame-ancestors 'none'"), "CSP: {headers:?}");
    ensure!(value(headers, "x-content-type-options") == "nosniff", "{headers:?}");
    ensure!(value(headers, "referrer-policy") == "no-referrer", "{headers:?}");
    ensure!(value(headers, "x-frame-options") == "DENY", "{headers:?}");
    ensure!(!value(headers, "cache-control").is_empty(), "{headers:?}");
    let told = ["server", "x-powered-by", "dapr-app-id", "traceparent"].iter().find(|name| headers.contains_key(**name));
    ensure!(told.is_none(), "{told:?} is nobody's business: {headers:?}");
    Ok(())
}

#[tokio::test]
async fn contract_every_answer_is_protected_whatever_its_status() -> Result<()> {
    story(async |suite, person| {
        let large = format!(r#"{{"title":"{}"}}"#, "a".repeat(1024 * 1024));
        let cases = [
            case(Method::GET, "/tasks", None, true, 200),
            case(Method::GET, "/openapi.json", None, false, 200),
            case(Method::GET, "/.well-known/jwks.json", None, false, 200),
            case(Method::POST, "/tasks", Some(r#"{"title":"a"}"#), true, 201),
            case(Method::POST, "/tasks", Some("{"), true, 400),
            case(Method::GET, "/tasks", None, false, 401),
            case(Method::GET, "/nothing", None, true, 404),
            case(Method::GET, "/tasks/nothing", None, true, 404),
            case(Method::GET, "/tasks/%2e%2e/v1.0/metadata", None, true, 404),
            case(Method::PUT, "/tasks", None, true, 405),
            case(Method::POST, "/tasks", Some(&large), true, 413),
            case(Method::POST, "/tasks", Some("{}"), true, 422),
        ];
        for case in &cases {
            // An origin that nobody configured gets no word more than none.
            let response = ask(&suite, &person, case, &[("origin", "https://evil.example")]).await?;
            protected(response.headers()).with_context(|| format!("{} {}", case.method, case.path))?;
            ensure!(
                !response.headers().keys().any(|name| name.as_str().starts_with("access-control-")),
                "{:?}",
                response.headers()
            );
            ensure!(!response.headers().contains_key("strict-transport-security"), "over HTTP: {:?}", response.headers());
        }
        Ok(())
    })
    .await
}

/// A suite of its own: behind HTTPS, with one friendly origin, and without `tasks`, so that calls to it fail.
#[tokio::test]
async fn contract_a_friend_may_call_a_stranger_may_not_and_https_is_for_ever() -> Result<()> {
    let mut options = Suite::options("friend")?;
    options.apps = Some(vec!["identity".to_owned(), "gateway".to_owned()]);
    options.replicas.clear();
    options.zipkin = false;
    let env = options.env.entry("gateway".to_owned()).or_default();
    env.insert("CORS_ORIGINS".to_owned(), format!("{FRIEND}, http://localhost:3000"));
    env.insert("PUBLIC_URL".to_owned(), "https://outrigger.example".to_owned());
    let suite = Suite::start(options).await?;
    let person = suite.person()?;
    for case in [
        case(Method::GET, "/openapi.json", None, false, 200),
        case(Method::GET, "/tasks", None, true, 503),
        case(Method::GET, "/tasks", None, false, 401),
        case(Method::GET, "/nothing", None, false, 404),
        case(Method::POST, "/auth/signup", Some("{}"), false, 422),
    ] {
        let response = ask(&suite, &person, &case, &[("origin", FRIEND)]).await?;
        let headers = response.headers();
        protected(headers).with_context(|| format!("{} {}", case.method, case.path))?;
        ensure!(value(headers, "strict-transport-security").starts_with("max-age="), "{headers:?}");
        ensure!(value(headers, "access-control-allow-origin") == FRIEND, "{headers:?}");
        ensure!(!headers.contains_key("access-control-allow-credentials"), "{headers:?}");
        ensure!(value(headers, "vary").to_ascii_lowercase().contains("origin"), "{headers:?}");
        for other in [
            "https://evil.example",
            "null",
            "https://friend.example.evil.example",
            "http://friend.example",
            "https://friend.example:8443",
        ] {
            let response = ask(&suite, &person, &case, &[("origin", other)]).await?;
            ensure!(!response.headers().contains_key("access-control-allow-origin"), "{other}: {:?}", response.headers());
        }
    }
    let asked = [("access-control-request-method", "PATCH"), ("access-control-request-headers", "authorization, content-type")];
    let preflight = case(Method::OPTIONS, "/tasks/0190f5a0-0000-7000-8000-000000000000", None, false, 204);
    let response = ask(&suite, &person, &preflight, &[("origin", FRIEND), asked[0], asked[1]]).await?;
    ensure!(value(response.headers(), "access-control-allow-origin") == FRIEND, "{:?}", response.headers());
    ensure!(value(response.headers(), "access-control-allow-methods").contains("PATCH"), "{:?}", response.headers());
    ensure!(value(response.headers(), "access-control-allow-headers").contains("authorization"), "{:?}", response.headers());
    let url = suite.url(preflight.path);
    let request =
        suite.client().request(Method::OPTIONS, url).header("origin", "https://evil.example").header(asked[0].0, asked[0].1);
    let response = request.send().await?;
    ensure!(!response.headers().contains_key("access-control-allow-origin"), "{:?}", response.headers());
    Ok(())
}
