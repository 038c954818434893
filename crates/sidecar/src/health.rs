//! The sidecar's own health and metadata.

use std::time::Duration;

use serde::Deserialize;

use crate::client::Sidecar;
use crate::error::{Error, Result};

/// How often a sidecar that is not ready yet is asked again.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// Time allowed for one such question.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// What the sidecar says it has loaded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// App id.
    pub id: String,
    /// Components this app may use.
    pub components: Vec<Component>,
    /// Subscriptions in force.
    pub subscriptions: Vec<Subscription>,
    /// Names of the resiliency policies in force.
    pub resiliencies: Vec<Named>,
    /// daprd's version.
    #[serde(rename = "runtimeVersion")]
    pub runtime_version: String,
}

/// A loaded component.
#[derive(Clone, Debug, Deserialize)]
pub struct Component {
    /// Name, the same in every set.
    pub name: String,
    /// Type, such as `pubsub.redis`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A subscription in force.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// Pub/sub component.
    pub pubsubname: String,
    /// Topic.
    pub topic: String,
    /// Where an event goes when retries end; empty for none.
    #[serde(rename = "deadLetterTopic", default)]
    pub dead_letter_topic: String,
}

/// Anything that has a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    /// The name.
    pub name: String,
}

impl Sidecar {
    /// Whether the sidecar can reach its components (its outbound health; the app's own health is not asked).
    ///
    /// # Errors
    /// [`Error::NoAnswer`] when it is not there or not ready.
    pub async fn health(&self) -> Result<()> {
        self.get("/v1.0/healthz/outbound").await.map(drop)
    }

    /// What the sidecar has loaded.
    ///
    /// # Errors
    /// As every call.
    pub async fn metadata(&self) -> Result<Metadata> {
        let body = self.get("/v1.0/metadata").await?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::Malformed { call: "health metadata".into(), detail: error.to_string() })
    }

    /// Waits until the sidecar is ready, at most `patience`.
    ///
    /// # Errors
    /// The last answer, when patience ran out.
    pub async fn wait(&self, patience: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            match self.health().await {
                Ok(()) => return Ok(()),
                Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
                Err(_) => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }

    async fn get(&self, path: &str) -> Result<bytes::Bytes> {
        let call = format!("health {path}");
        self.observed("health", path, ASK_TIMEOUT, async {
            let mut headers = http::HeaderMap::new();
            self.sign(&mut headers);
            let request = self.inner.http.get(format!("{}{path}", self.inner.base)).headers(headers);
            let response = request.send().await.map_err(|error| Error::from_http(&call, &error, ASK_TIMEOUT))?;
            let status = response.status();
            let body = response.bytes().await.map_err(|error| Error::from_http(&call, &error, ASK_TIMEOUT))?;
            if status.is_success() {
                return Ok(body);
            }
            Err(Error::NoAnswer { call: call.clone(), detail: format!("{status}: {}", String::from_utf8_lossy(&body)) })
        })
        .await
    }
}
