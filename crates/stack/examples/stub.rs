//! A stand-in for an app in this crate's own tests: it is ready, keeps the ids of the events it gets, and says what it was asked.

use std::io::Write;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let port: u16 = setting("APP_PORT").parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).with_upgrades());
    }
}

async fn answer(mut request: Request<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
    let path = request.uri().path().to_owned();
    if path == "/ws" {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(echo(upgrade));
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert("connection", "upgrade".parse()?);
        response.headers_mut().insert("upgrade", "echo".parse()?);
        return Ok(response);
    }
    let method = request.method().clone();
    // Several lines of one header are one list.
    let address =
        request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",");
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = match path.as_str() {
        "/ready" | "/health" => "{}".to_owned(),
        "/dapr/subscribe" => setting("STUB_SUBSCRIPTIONS"),
        "/dapr/config" => "{}".to_owned(),
        _ if method == Method::POST && path.starts_with("/events/") => {
            let event: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(setting("STUB_FILE"))?;
            writeln!(file, "{}", event["id"].as_str().unwrap_or("?"))?;
            r#"{"status":"SUCCESS"}"#.to_owned()
        }
        _ => serde_json::json!({ "port": setting("APP_PORT"), "path": path, "url": setting("PUBLIC_URL"), "address": address })
            .to_string(),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert("content-type", "application/json".parse()?);
    Ok(response)
}

async fn echo(upgrade: hyper::upgrade::OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut stream = TokioIo::new(upgraded);
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let _ = stream.write_all(&buffer[..count]).await;
    }
}

fn setting(name: &str) -> String {
    std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
}
