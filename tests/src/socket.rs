//! An open page's WebSocket.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::cluster::Cluster;
use crate::person::Person;

/// One socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Every frame so far.
    pub frames: Vec<Value>,
}

impl Socket {
    /// Opens one through the front door and waits for its greeting.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open(person: &Person) -> Result<Self> {
        Self::open_at(&person.suite.url(""), person).await
    }

    /// Opens one at an instance of its own choice, such as `http://127.0.0.1:7105`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open_at(base: &str, person: &Person) -> Result<Self> {
        let (stream, _) = tokio_tungstenite::connect_async(address(base, &format!("?token={}", person.token))).await?;
        Self::greeted(stream).await
    }

    /// Opens one through the ingress of a cluster, whose name need not be in this machine's hosts.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn in_cluster(cluster: &Cluster, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(cluster.ingress).await?;
        let url = format!("ws://{}/ws?token={token}", cluster.host);
        let (stream, _) = tokio_tungstenite::client_async(url, MaybeTlsStream::Plain(stream)).await?;
        Self::greeted(stream).await
    }

    async fn greeted(stream: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Result<Self> {
        let mut socket = Self { stream, frames: Vec::new() };
        socket.next(Duration::from_secs(30), |frame| frame["type"] == "hello").await?;
        Ok(socket)
    }

    /// The first frame from here on that fits.
    ///
    /// # Errors
    /// When none came within `patience`, or the socket was closed.
    pub async fn next(&mut self, patience: Duration, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let wait = async {
            loop {
                match self.stream.next().await.context("the socket ended")?? {
                    Message::Text(text) => {
                        let frame: Value = serde_json::from_str(&text)?;
                        self.frames.push(frame.clone());
                        if fits(&frame) {
                            return Ok(frame);
                        }
                    }
                    Message::Close(frame) => bail!("the socket was closed: {frame:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(patience, wait).await.with_context(|| format!("no fitting frame within {patience:?}"))?
    }
}

/// What an upgrade at `base` is answered with: its status, and the words of a refusal.
///
/// # Errors
/// When there was no answer.
pub async fn knock(base: &str, query: &str) -> Result<(u16, String)> {
    match tokio_tungstenite::connect_async(address(base, query)).await {
        Ok((_, response)) => Ok((response.status().as_u16(), String::new())),
        Err(tungstenite::Error::Http(response)) => {
            let words = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
            Ok((response.status().as_u16(), words))
        }
        Err(error) => Err(error.into()),
    }
}

fn address(base: &str, query: &str) -> String {
    format!("{}/ws{query}", base.replacen("http", "ws", 1))
}
