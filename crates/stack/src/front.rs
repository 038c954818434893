//! The front door: one address for pages, API and socket, as the ingress is in a cluster.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::probe::http_status;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

const NOT_READY: (StatusCode, &str, &str) = (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", "unavailable");
const CUT_OFF: (StatusCode, &str, &str) = (StatusCode::BAD_GATEWAY, "Bad Gateway", "bad_gateway");
const BAD_ADDRESS: (StatusCode, &str, &str) = (StatusCode::BAD_REQUEST, "Bad Request", "bad_request");

type Body = BoxBody<Bytes, hyper::Error>;

/// The instances of one app, and which of them are ready.
#[derive(Debug)]
struct Pool {
    targets: Vec<(String, AtomicBool)>,
    next: AtomicUsize,
}

/// What every request needs.
#[derive(Debug)]
struct Front {
    gateways: Pool,
    sockets: Pool,
    client: Client<HttpConnector, Incoming>,
}

/// Listens until the runtime that this was called in ends: `/ws` goes to the sockets, everything else to the gateways.
pub(crate) async fn start(listen: SocketAddr, gateways: Vec<String>, sockets: Vec<String>) -> Result<()> {
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("the front door cannot listen on port {}", listen.port()))?;
    // Head and body are written apart: held back to be joined, the second would wait 40 ms for the other side's acknowledgement.
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let front = Arc::new(Front { gateways: Pool::new(gateways), sockets: Pool::new(sockets), client });
    tokio::spawn(look(Arc::clone(&front)));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            // Where it cannot be set, answers are slower and still right.
            let _ = stream.set_nodelay(true);
            let front = Arc::clone(&front);
            let service = service_fn(move |request| {
                let front = Arc::clone(&front);
                async move { Ok::<_, Infallible>(front.pass(request, peer).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
    });
    Ok(())
}

/// Keeps asking every instance whether it is ready.
async fn look(front: Arc<Front>) {
    loop {
        for (address, ready) in front.gateways.targets.iter().chain(&front.sockets.targets) {
            let status = timeout(LOOK_PATIENCE, http_status(address, "/ready")).await;
            ready.store(matches!(status, Ok(Ok(200..300))), Ordering::Relaxed);
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Pool {
    fn new(addresses: Vec<String>) -> Self {
        Self {
            targets: addresses.into_iter().map(|address| (address, AtomicBool::new(false))).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// The next ready instance, each in its turn. When none is known to be ready the next one is asked all the same: what is known may be
    /// half a second old, and an instance says best itself what it lacks. Nothing only when there are no instances.
    fn pick(&self) -> Option<&(String, AtomicBool)> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.targets.len();
        let in_turn = || (0..count).map(|step| &self.targets[(start + step) % count]);
        in_turn().find(|(_, ready)| ready.load(Ordering::Relaxed)).or_else(|| in_turn().next())
    }
}

impl Front {
    async fn pass(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        // `*` and a bare authority are no path: put behind an instance's address they would name another one.
        if !request.uri().path().starts_with('/') {
            return problem(BAD_ADDRESS, "The address must be a path.");
        }
        let pool = if request.uri().path() == "/ws" { &self.sockets } else { &self.gateways };
        let Some((address, ready)) = pool.pick() else {
            return problem(NOT_READY, "Nothing here serves this address.");
        };
        let target = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Ok(target) = format!("http://{address}{target}").parse::<Uri>() else {
            return problem(BAD_ADDRESS, "The address cannot be passed on.");
        };
        *request.uri_mut() = target;
        // What the client claims about its own address is worth nothing.
        let headers = request.headers_mut();
        if let Ok(address) = HeaderValue::from_str(&peer.ip().to_string()) {
            headers.insert(HeaderName::from_static("x-forwarded-for"), address);
        }
        headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("http"));

        let upgrade = request.headers().contains_key(UPGRADE).then(|| hyper::upgrade::on(&mut request));
        match self.client.request(request).await {
            Ok(mut response) => {
                if let (StatusCode::SWITCHING_PROTOCOLS, Some(client)) = (response.status(), upgrade) {
                    let server = hyper::upgrade::on(&mut response);
                    tokio::spawn(async move {
                        let (Ok(client), Ok(server)) = (client.await, server.await) else {
                            return;
                        };
                        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
                    });
                }
                response.map(BodyExt::boxed)
            }
            // Not reached: nothing has happened, and a repeat is safe.
            Err(error) if error.is_connect() => {
                ready.store(false, Ordering::Relaxed);
                problem(NOT_READY, "The instance has just gone; try again in a moment.")
            }
            // Reached and cut off: it may have done what was asked.
            Err(_) => problem(CUT_OFF, "The instance went away before it answered; repeat with the same Idempotency-Key."),
        }
    }
}

fn problem((status, title, code): (StatusCode, &str, &str), detail: &str) -> Response<Body> {
    let text = format!(
        "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{},\"code\":\"{code}\",\"detail\":\"{detail}\"}}",
        status.as_u16()
    );
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
