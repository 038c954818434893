//! How a part says that it can be used.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::process::Command;
use tokio::time::timeout;

/// An answer that takes longer than this counts as none.
const PATIENCE: Duration = Duration::from_secs(2);

/// One question to one part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Probe {
    /// `pg_isready`, which knows a server that is still recovering.
    Postgres { program: PathBuf, port: u16 },
    /// PING behind the password; a server that is still loading its file answers with an error.
    Redis { port: u16, password: String },
    /// The versions a broker speaks; its listener opens when it can be used.
    Kafka { port: u16 },
    /// Any 2xx on this path.
    Http { port: u16, path: String },
}

impl Probe {
    /// Whether the part can be used now.
    pub async fn ask(&self) -> bool {
        timeout(PATIENCE, self.answer()).await.is_ok_and(|answer| answer.unwrap_or(false))
    }

    /// What a part that answers but is not ready says about it, for an error that a person reads.
    pub async fn words(&self) -> Option<String> {
        let Probe::Http { path, .. } = self else {
            return None;
        };
        let (status, body) = self.answer_text().await?;
        Some(format!("{path} answers {status}: {}", body.chars().take(800).collect::<String>()))
    }

    /// Status and body of the answer to the question, where it is asked by HTTP.
    pub async fn answer_text(&self) -> Option<(u16, String)> {
        let Probe::Http { port, path } = self else {
            return None;
        };
        let answer = timeout(PATIENCE, http_answer(*port, path)).await.ok()?.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    async fn answer(&self) -> std::io::Result<bool> {
        match self {
            Probe::Postgres { program, port } => {
                let mut command = Command::new(program);
                command.args(["-q", "-h", "127.0.0.1", "-t", "1", "-p"]).arg(port.to_string());
                command.stdin(Stdio::null()).kill_on_drop(true);
                Ok(command.status().await?.success())
            }
            Probe::Redis { port, password } => {
                let mut stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                stream.write_all(format!("AUTH {password}\r\nPING\r\n").as_bytes()).await?;
                let mut answer = [0; 12];
                stream.read_exact(&mut answer).await?;
                Ok(&answer == b"+OK\r\n+PONG\r\n")
            }
            Probe::Kafka { port } => {
                let mut stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                // ApiVersions 0: length, key 18, version 0, correlation 7, no client id.
                stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).await?;
                let mut answer = [0; 10];
                stream.read_exact(&mut answer).await?;
                Ok(answer[4..] == [0, 0, 0, 7, 0, 0])
            }
            Probe::Http { port, path } => Ok((200..300).contains(&http_status(("127.0.0.1", *port), path).await?)),
        }
    }
}

/// The status that a path answers with; the body is not read.
pub(crate) async fn http_status(server: impl ToSocketAddrs, path: &str) -> std::io::Result<u16> {
    let mut stream = ask(server, path).await?;
    // "HTTP/1.1 204": the status ends at the twelfth byte.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[9..]).parse().unwrap_or(0))
}

async fn http_answer(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = ask(("127.0.0.1", port), path).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn ask(server: impl ToSocketAddrs, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}
