//! Service invocation: what the callee says comes back as it is, and what is not the callee is told apart.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use sidecar::invoke::{Path, Request};
use sidecar::{Error, Sidecar};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::ground::{SOON, alone, eventually, shared};

pub fn request<'a>(app: &'a str, method: Method, segments: &[&str]) -> Request<'a> {
    Request {
        app,
        method,
        path: Path::forwarded(segments).unwrap(),
        query: None,
        headers: HeaderMap::new(),
        body: reqwest::Body::default(),
        timeout: Duration::from_secs(10),
    }
}

pub async fn text(response: Response<reqwest::Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn ask(sidecar: &Sidecar, app: &str) -> sidecar::Result<Response<reqwest::Body>> {
    sidecar.invoke(request(app, Method::GET, &["hello"])).await
}

#[tokio::test]
async fn status_headers_and_body_are_kept_both_ways() {
    let ground = shared().await;
    let sidecar = ground.sidecar("tasks");
    for status in [200, 201, 204, 400, 401, 404, 409, 412, 418, 422, 429, 500, 502, 503] {
        let (mark, query) = (Uuid::new_v4().to_string(), format!("a=b%20c&status={status}"));
        let mut request = request("identity", Method::PUT, &["things", &mark]);
        request.query = Some(&query);
        request.headers.insert("if-match", HeaderValue::from_static("\"3\""));
        request.headers.insert("content-type", HeaderValue::from_static("application/json"));
        request.body = r#"{"ä":1}"#.into();
        let response = sidecar.invoke(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()["x-kept"], "as it was");
        assert_eq!(text(response).await, if status == 204 { "" } else { r#"{"ä":1}"# });
        let heard = ground.peer("identity").heard(|heard| heard.path.ends_with(&mark));
        // Once: an answer is an answer, also a 503.
        assert_eq!(heard.len(), 1, "{status}");
        assert_eq!((heard[0].method.as_str(), heard[0].query.as_str()), ("PUT", query.as_str()));
        assert_eq!((heard[0].header("if-match"), heard[0].body.as_ref()), ("\"3\"", r#"{"ä":1}"#.as_bytes()));
    }
}

#[tokio::test]
async fn every_method_passes() {
    let ground = shared().await;
    let sidecar = ground.sidecar("tasks");
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let mark = Uuid::new_v4().to_string();
        assert_eq!(sidecar.invoke(request("identity", method.clone(), &[&mark])).await.unwrap().status(), 200, "{method}");
        let heard = ground.peer("identity").heard(|heard| heard.path.ends_with(&mark));
        assert_eq!(heard[0].method, method.as_str());
    }
}

#[tokio::test]
async fn what_a_segment_holds_stays_in_its_segment() {
    let ground = shared().await;
    let sidecar = ground.sidecar("tasks");
    let printable: String = (' '..='~').filter(|letter| !"/\\%".contains(*letter)).collect();
    for segment in ["a b", "a?b=c", "a#b", "100%", "a%zz", "50%25", "a%41", "ä€𝄞", "a+b&c;d", "...", "~._-", &printable] {
        let mark = Uuid::new_v4().to_string();
        sidecar.invoke(request("identity", Method::GET, &["kept", segment, &mark])).await.unwrap();
        let heard = ground.peer("identity").heard(|heard| heard.path.ends_with(&mark));
        assert_eq!(heard.len(), 1, "{segment}");
        assert_eq!((heard[0].path.matches('/').count(), heard[0].query.as_str()), (3, ""), "{}", heard[0].path);
        assert_eq!(percent_decoded(heard[0].path.split('/').nth(2).unwrap()), segment, "{}", heard[0].path);
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).unwrap(), 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn hostile_paths_never_leave_this_process() {
    let ground = shared().await;
    let count = || ground.peer("identity").heard(|heard| heard.path.contains("hostile")).len();
    let before = count();
    let mut paths: Vec<Vec<&str>> = vec![];
    for segment in
        ["", ".", "..", "%2e", "%2e%2e", "%252e%252e", "a/b", "a%2fb", "a%252fb", "a\\b", "a%5cb", "a\0b", "a%00", "%ff", "\r\n"]
    {
        paths.extend([vec!["hostile", segment], vec![segment, "hostile"], vec!["hostile", segment, "v1.0", "secrets"]]);
    }
    for first in ["v1.0", "V1.0-alpha1", "dapr", "events", "jobs", "job", "internal", "INTERNAL", "Events"] {
        paths.push(vec![first, "hostile"]);
    }
    assert!(paths.len() > 40);
    for path in paths {
        assert!(matches!(Path::forwarded(&path), Err(Error::HostilePath(_))), "{path:?}");
    }
    assert_eq!(count(), before);
}

#[tokio::test]
async fn an_encoded_name_of_a_reserved_road_is_refused_too() {
    for first in ["%65vents", "%76%31.0", "interna%6c", "j%6fbs"] {
        assert!(Path::forwarded(&[first, "x"]).is_err(), "{first}");
    }
}

#[tokio::test]
async fn an_app_that_nobody_knows_gives_no_answer() {
    let ground = shared().await;
    let error = ask(&ground.sidecar("tasks"), "nobody").await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error}");
}

#[tokio::test]
async fn an_app_that_is_away_gives_no_answer_and_then_one() {
    let ground = alone().await;
    let sidecar = ground.sidecar("tasks");
    assert_eq!(ask(&sidecar, "audit").await.unwrap().status(), 200);
    ground.peer("audit").deaf().await;
    let error = ask(&sidecar, "audit").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    ground.peer("audit").listen();
    eventually("the app answers", async || ask(&sidecar, "audit").await.ok().filter(|answer| answer.status() == 200)).await;

    ground.stack.stop("audit-daprd").await.unwrap();
    let error = ask(&sidecar, "audit").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    ground.stack.start_part("audit-daprd").await.unwrap();
    eventually("the app answers", async || ask(&sidecar, "audit").await.ok().filter(|answer| answer.status() == 200)).await;
    ground.stack.wait_ready(SOON).await.unwrap();
}

#[tokio::test]
async fn our_own_sidecar_that_is_away_gives_no_answer() {
    let ground = alone().await;
    let sidecar = ground.sidecar("tasks");
    ground.stack.stop("tasks-daprd").await.unwrap();
    let error = ask(&sidecar, "identity").await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error}");
    ground.stack.start_part("tasks-daprd").await.unwrap();
    eventually("the app answers", async || ask(&sidecar, "identity").await.ok()).await;
    ground.stack.wait_ready(SOON).await.unwrap();
}

#[tokio::test]
async fn a_callee_that_never_answers_is_given_up_in_time() {
    let ground = shared().await;
    let mut never = request("identity", Method::GET, &["never"]);
    never.timeout = Duration::from_millis(500);
    let begun = Instant::now();
    let error = ground.sidecar("tasks").invoke(never).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // The policy's own 5 s, when the caller is more patient.
    let error = ground.sidecar("tasks").invoke(request("identity", Method::GET, &["never"])).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

/// More than the buffers of a connection hold.
const LARGE: usize = 8 * 1024 * 1024;

/// An app that ends closes connections that are idle, also while its sidecar is just writing on one. What was not written whole was not done.
///
/// Seen red, with such a call given up: "error invoking app channel: Post ...: write tcp ...".
#[tokio::test]
async fn a_call_that_the_callee_closes_while_it_is_written_is_made_again() {
    let ground = alone().await;
    let peer = ground.peer("audit");
    peer.deaf().await;
    let app = Closing::listen(ground.instance("audit").app_port, 2).await;
    let mut request = request("audit", Method::POST, &["things"]);
    request.body = vec![b' '; LARGE].into();
    let answer = ground.sidecar("tasks").invoke(request).await;
    let (closed, whole) = app.end().await;
    peer.listen();
    ground.stack.wait_ready(SOON).await.unwrap();
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!((closed, whole), (2, 1));
}

/// An app that closes the first connections on which it is posted something, after it has read a part of it.
struct Closing {
    /// How many were closed, and how many requests arrived whole.
    seen: Arc<Mutex<(usize, usize)>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Closing {
    async fn listen(port: u16, closes: usize) -> Self {
        let seen = Arc::new(Mutex::new((0, 0)));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let counts = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let counts = Arc::clone(&counts);
                tokio::spawn(async move { answer(&mut socket, &counts, closes).await });
            }
        });
        Self { seen, serving }
    }

    async fn end(self) -> (usize, usize) {
        self.serving.abort();
        let _ = self.serving.await;
        *self.seen.lock().unwrap()
    }
}

/// Reads one request, and answers or closes.
async fn answer(socket: &mut tokio::net::TcpStream, seen: &Mutex<(usize, usize)>, closes: usize) -> Option<()> {
    let mut read = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let length = socket.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&piece[..length]);
        let is_call = read.starts_with(b"POST /things");
        if is_call {
            let mut seen = seen.lock().unwrap();
            if seen.0 < closes {
                seen.0 += 1;
                return None;
            }
        }
        // With its head it is longer than its body.
        if (is_call && read.len() > LARGE) || (!is_call && read.ends_with(b"\r\n\r\n")) {
            seen.lock().unwrap().1 += usize::from(is_call);
            break;
        }
    }
    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-body-length: 2\r\nconnection: close\r\n\r\n{}").await.ok()
}
