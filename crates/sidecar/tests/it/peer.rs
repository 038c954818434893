//! The app beside a sidecar: a server in this process that keeps what it hears.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// Each test has a runtime that ends with it; the peers outlive them all.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
pub struct Peer {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// What `/down` sends, piece by piece.
    down: Arc<Mutex<Option<mpsc::Receiver<Bytes>>>>,
    /// Bytes that `/up` has got so far.
    pub up: Arc<watch::Sender<usize>>,
    /// Paths whose next requests are answered 503, and how many of them.
    busy: Arc<Mutex<HashMap<String, usize>>>,
    serving: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
}

impl Peer {
    pub fn start(port: u16) -> Self {
        let peer = Self {
            port,
            heard: Arc::default(),
            down: Arc::default(),
            up: Arc::new(watch::Sender::new(0)),
            busy: Arc::default(),
            serving: Arc::default(),
        };
        peer.listen();
        peer
    }

    /// Takes the port, again after `deaf`.
    pub fn listen(&self) {
        let listener = std::net::TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let router = Router::new()
            .route("/ready", get(async || "{}"))
            .route("/dapr/config", get(async || "{}"))
            .route("/dapr/subscribe", get(async || axum::Json(subscriptions())))
            .route("/never", any(std::future::pending::<()>))
            .route("/up", post(up))
            .route("/down", get(down))
            .fallback(echo)
            .with_state(self.clone());
        let serving = RUNTIME.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        *self.serving.lock().unwrap() = Some(serving);
    }

    /// Lets go of the port: the app is away and its sidecar is there.
    pub async fn deaf(&self) {
        let serving = self.serving.lock().unwrap().take();
        if let Some(serving) = serving {
            serving.abort();
            let _ = serving.await;
        }
    }

    /// What arrived and is meant.
    pub fn heard(&self, meant: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().filter(|heard| meant(heard)).cloned().collect()
    }

    /// The CloudEvents that arrived and are meant.
    pub fn events(&self, meant: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.heard(|heard| heard.path.starts_with("/events/")).iter().map(Heard::json).filter(meant).collect()
    }

    /// Answers the next requests to `path` with 503.
    pub fn busy(&self, path: &str, count: usize) {
        self.busy.lock().unwrap().insert(path.to_owned(), count);
    }

    pub fn offer(&self, pieces: mpsc::Receiver<Bytes>) {
        *self.down.lock().unwrap() = Some(pieces);
    }
}

fn subscriptions() -> Value {
    ["task-events", "reminders"]
        .map(|topic| {
            json!({ "pubsubname": "pubsub", "topic": topic, "route": format!("/events/{topic}"), "deadLetterTopic": format!("{topic}-dlq") })
        })
        .into()
}

/// Says what it heard, with the status that was asked for.
async fn echo(State(peer): State<Peer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let heard = Heard {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.clone(),
    };
    if let Some(left) = peer.busy.lock().unwrap().get_mut(&heard.path).filter(|left| **left > 0) {
        *left -= 1;
        peer.heard.lock().unwrap().push(heard);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let status = heard.query.split_once("status=").map_or(200, |(_, status)| status[..3].parse().unwrap());
    let is_event = heard.path.starts_with("/events/");
    peer.heard.lock().unwrap().push(heard);
    if is_event {
        return axum::Json(json!({ "status": "SUCCESS" })).into_response();
    }
    (StatusCode::from_u16(status).unwrap(), [("x-kept", "as it was"), ("content-type", "application/json")], body).into_response()
}

async fn up(State(peer): State<Peer>, body: Body) -> String {
    let mut pieces = body.into_data_stream();
    let mut total = 0;
    while let Some(piece) = pieces.next().await {
        total += piece.unwrap().len();
        peer.up.send_replace(total);
    }
    total.to_string()
}

async fn down(State(peer): State<Peer>) -> Response {
    let pieces = peer.down.lock().unwrap().take().unwrap();
    let stream = futures::stream::unfold(pieces, async |mut pieces| Some((Ok::<_, Infallible>(pieces.recv().await?), pieces)));
    Body::from_stream(stream).into_response()
}
