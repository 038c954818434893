//! Short words for what the stories say.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stack::{Instance, Options, Stack, quiet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const SUBSCRIPTIONS: &str =
    r#"[{"pubsubname":"pubsub","topic":"task-events","route":"/events/task-events","deadLetterTopic":"task-events-dlq"}]"#;

/// A run directory that is removed when the story is over.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("outrigger-stack-{}-{:?}", std::process::id(), std::thread::current().id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A stack in this folder with these apps, each played by the stand-in.
pub fn options(folder: &Folder, apps: &[&str]) -> Options {
    let mut options = Options::new(root(), &folder.0);
    options.apps = Some(apps.iter().map(|app| (*app).to_owned()).collect());
    let stub = std::env::current_exe().unwrap().parent().unwrap().join("../examples/stub");
    for app in apps {
        options.commands.insert((*app).to_owned(), vec![stub.display().to_string()]);
        let env = options.env.entry((*app).to_owned()).or_default();
        env.insert("STUB_SUBSCRIPTIONS".to_owned(), "[]".to_owned());
    }
    options
}

/// Makes this app take `task-events` and keep their ids.
pub fn subscribe(options: &mut Options, app: &str) -> PathBuf {
    let file = options.run_dir.join("events.txt");
    let env = options.env.entry(app.to_owned()).or_default();
    env.insert("STUB_SUBSCRIPTIONS".to_owned(), SUBSCRIPTIONS.to_owned());
    env.insert("STUB_FILE".to_owned(), file.display().to_string());
    file
}

pub async fn start(options: Options) -> Stack {
    Stack::start(options, quiet()).await.unwrap()
}

/// Asks again until the answer is yes.
pub async fn eventually(what: &str, patience: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + patience;
    while !condition().await {
        assert!(Instant::now() < until, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Status and body of a request without any library in between.
pub async fn http(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { bail!("no answer from {path}") };
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// A call to this pair's sidecar.
pub async fn sidecar(instance: &Instance, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let headers = [("dapr-api-token", instance.dapr_api_token.as_str()), ("content-type", "application/json")];
    http(instance.dapr_http_port, method, path, &headers, body).await
}

/// Publishes an event with this id.
pub async fn publish(instance: &Instance, id: &str) -> Result<()> {
    let path = format!("/v1.0/publish/pubsub/task-events?metadata.cloudevent.id={id}");
    let (status, body) = sidecar(instance, "POST", &path, "{\"hello\":1}").await?;
    if status != 204 {
        bail!("publish answered {status}: {body}");
    }
    Ok(())
}

/// The ids an app has kept.
pub fn ids(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

pub fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}

pub async fn database(stack: &Stack) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&stack.postgres_url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
