//! Bodies that are no JSON, no object, too large or of another kind, for every operation that takes one.

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;
use tests::person::Answer;
use tests::raw::{Raw, exchange};
use tests::story;

use super::{World, refuses};

/// One byte more than a body may have, with a title that alone would break the rule.
const TOO_MUCH: usize = 1024 * 1024 + 1;

/// Every operation that takes a body, by app. Only one of a person needs a token.
fn operations(world: &World) -> Vec<(Method, String)> {
    let task = format!("/tasks/{}", world.task);
    let all = [
        ("tasks", Method::POST, "/tasks".to_owned()),
        ("tasks", Method::PATCH, task.clone()),
        ("tasks", Method::POST, "/tasks/bulk".to_owned()),
        ("tasks", Method::POST, "/tags".to_owned()),
        ("reminders", Method::POST, format!("{task}/reminders")),
        ("notifications", Method::POST, "/notifications/read".to_owned()),
        ("identity", Method::PATCH, "/users/me/preferences".to_owned()),
        ("identity", Method::POST, "/invitations".to_owned()),
        ("identity", Method::POST, "/auth/signup".to_owned()),
        ("identity", Method::POST, "/auth/token".to_owned()),
        ("identity", Method::POST, "/auth/refresh".to_owned()),
        ("identity", Method::POST, "/auth/revoke".to_owned()),
    ];
    all.into_iter().filter(|(app, ..)| world.suite.runs(app)).map(|(_, method, path)| (method, path)).collect()
}

/// What is not JSON.
fn unparsable() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str| format!("{{\"title\":{}{}}}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("spaces", b"   ".to_vec()),
        ("half an object", br#"{"title":"a""#.to_vec()),
        ("no value", br#"{"title":}"#.to_vec()),
        ("a trailing comma", br#"{"title":"a",}"#.to_vec()),
        ("something behind it", br#"{"title":"a"}{"title":"b"}"#.to_vec()),
        ("single quotes", b"{'title':'a'}".to_vec()),
        ("names without quotes", b"{title:\"a\"}".to_vec()),
        ("a comment", b"{\"title\":\"a\" /* b */}".to_vec()),
        ("words", b"title=a".to_vec()),
        ("NaN", br#"{"title":NaN}"#.to_vec()),
        ("a number beyond all numbers", br#"{"title":"a","reminder_offset_minutes":1e999}"#.to_vec()),
        ("a number with a leading zero", br#"{"title":"a","reminder_offset_minutes":007}"#.to_vec()),
        ("a line end in a text", b"{\"title\":\"a\nb\"}".to_vec()),
        ("NUL in a text", b"{\"title\":\"a\0b\"}".to_vec()),
        ("NUL behind it", b"{\"title\":\"a\"}\0".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{\"title\":\"a\"}".to_vec()),
        ("UTF-16", "{\"title\":\"a\"}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("half a character", b"{\"title\":\"\xc3\"}".to_vec()),
        ("an overlong character", b"{\"title\":\"\xc0\xaf\"}".to_vec()),
        ("a surrogate in UTF-8", b"{\"title\":\"\xed\xa0\x80\"}".to_vec()),
        ("a high surrogate alone", br#"{"title":"\ud83d"}"#.to_vec()),
        ("a low surrogate alone", br#"{"title":"\udc00"}"#.to_vec()),
        ("two high surrogates", br#"{"title":"\ud83d\ud83d"}"#.to_vec()),
        ("half an escape", br#"{"title":"\u12"}"#.to_vec()),
        ("an unknown escape", br#"{"title":"\x41"}"#.to_vec()),
        ("10,000 lists in one another", nested("[", "]")),
        ("10,000 objects in one another", nested("{\"a\":", "}").into_iter().collect()),
        ("10,000 lists that never end", format!("{{\"title\":{}", "[".repeat(10_000)).into_bytes()),
        ("a surrogate in a name", br#"{"\ud800":1,"title":"a"}"#.to_vec()),
    ]
}

#[tokio::test]
async fn contract_what_is_not_json_is_400_everywhere_and_nothing_is_stored() -> Result<()> {
    let world = World::new().await?;
    for (method, path) in operations(&world) {
        for (what, body) in unparsable() {
            let answer = world.person.send(method.clone(), &path, &[], Some(body)).await?;
            let context = || format!("{method} {path} with {what}");
            // RFC 6749 asks for a code of its own beside ours; the status and the shape are the same.
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            ensure!(matches!(code.as_str(), "malformed_json" | "bad_request"), "{}: {}", context(), answer.body);
            refuses(&answer, 400, &code, &[]).with_context(context)?;
        }
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_json_that_is_no_object_is_refused_and_nothing_is_stored() -> Result<()> {
    let world = World::new().await?;
    for (method, path) in operations(&world) {
        for body in ["null", "true", "7", "\"title\"", "[]", "[{\"title\":\"a\"}]"] {
            let answer = world.person.send(method.clone(), &path, &[], Some(body.as_bytes().to_vec())).await?;
            let (status, code) = if is_oauth(&path) { (400, "bad_request") } else { (422, "invalid_fields") };
            refuses(&answer, status, code, &["body"]).with_context(|| format!("{method} {path} {body}"))?;
        }
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_another_kind_of_body_is_415_and_nothing_is_stored() -> Result<()> {
    let world = World::new().await?;
    let body = br#"{"title":"a","name":"a","offset_minutes":5,"display_name":"b"}"#;
    for (method, path) in operations(&world) {
        for kind in [
            "text/plain",
            "application/xml",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "application",
        ] {
            if is_oauth(&path) && kind.ends_with("urlencoded") {
                continue;
            }
            let answer = send(&world, &method, &path, kind, body.to_vec()).await?;
            refuses(&answer, 415, "unsupported_media_type", &[]).with_context(|| format!("{method} {path} {kind}"))?;
        }
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_more_than_a_mebibyte_is_413_also_when_no_length_was_said() -> Result<()> {
    let world = World::new().await?;
    let port = world.suite.front_port()?;
    for (method, path) in operations(&world) {
        let mut body = br#"{"title":""#.to_vec();
        body.resize(TOO_MUCH - 2, b'a');
        body.extend_from_slice(b"\"}");
        let answer = world.person.send(method.clone(), &path, &[], Some(body.clone())).await?;
        refuses(&answer, 413, "too_large", &[]).with_context(|| format!("{method} {path}"))?;

        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{TOO_MUCH:x}\r\n",
            world.person.token
        );
        let chunked = [head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
        let answer = exchange(port, &chunked).await?;
        ensure!(answer.status == 413 && answer.json()["code"] == "too_large", "{method} {path} in chunks: {answer:?}");
    }
    // Just at the limit it is read, and it is the field that is too long.
    let title = "a".repeat(1024 * 1024 - r#"{"title":""}"#.len());
    let answer = world.person.post("/tasks", &json!({ "title": title })).await?;
    refuses(&answer, 422, "invalid_fields", &["title"])?;
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_of_two_fields_with_one_name_the_last_counts() -> Result<()> {
    story(async |_, person| {
        let send = async |body: &str| person.send(Method::POST, "/tasks", &[], Some(body.as_bytes().to_vec())).await;
        let made = send(r#"{"title":"","title":"last"}"#).await?;
        ensure!(made.is(201)?.json()["title"] == "last", "{}", made.body);
        refuses(&send(r#"{"title":"first","title":""}"#).await?, 422, "invalid_fields", &["title"])?;
        ensure!(person.list("").await?.total == 1, "one task");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_body_that_breaks_off_stores_nothing() -> Result<()> {
    let world = World::new().await?;
    let port = world.suite.front_port()?;
    let head = |length: &str| {
        format!(
            "POST /tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{length}\r\n\r\n",
            world.person.token
        )
    };
    for (what, length) in [
        ("a length that is none", "Content-Length: many"),
        ("a negative length", "Content-Length: -5"),
        ("two lengths", "Content-Length: 13\r\nContent-Length: 5"),
        ("a chunk that is none", "Transfer-Encoding: chunked\r\nX: y"),
        ("a length and chunks", "Transfer-Encoding: chunked\r\nContent-Length: 13"),
    ] {
        let request = format!("{}{}", head(length), r#"{"title":"a"}"#);
        let Raw { status, body, .. } = exchange(port, request.as_bytes()).await?;
        // 0 and 502: the connection is closed on a client that does not speak HTTP.
        ensure!(matches!(status, 0 | 400 | 502), "{what}: {status} {body}");
    }
    world.nothing_changed().await
}

fn is_oauth(path: &str) -> bool {
    matches!(path, "/auth/token" | "/auth/refresh" | "/auth/revoke")
}

async fn send(world: &World, method: &Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Answer> {
    let request = world.suite.client().request(method.clone(), world.suite.url(path)).bearer_auth(&world.person.token);
    let response = request.header("content-type", kind).body(body).send().await?;
    Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
}
