//! A request as bytes on a socket: for what no HTTP client would send.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Status; 0 when the connection was closed without a word.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// Body.
    pub body: String,
}

impl Raw {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends the bytes to a port of this machine and reads until the other side closes.
///
/// # Errors
/// When nobody listens or nothing ends.
pub async fn exchange(port: u16, request: &[u8]) -> Result<Raw> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut answer = Vec::new();
    let talk = async {
        // A server may refuse before it has read everything; what it said then still counts.
        drop(stream.write_all(request).await);
        drop(stream.read_to_end(&mut answer).await);
    };
    timeout(PATIENCE, talk).await.with_context(|| format!("port {port} did not end its answer"))?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Raw { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

/// A request without a body for `target`, written as it is, with further header lines.
pub fn request(method: &str, target: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = format!("{method} ").into_bytes();
    bytes.extend_from_slice(target);
    bytes.extend_from_slice(b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
