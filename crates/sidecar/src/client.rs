//! The connection to the sidecar: ports, token, timeouts, and the observer who hears of each call.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use dapr::dapr::proto::runtime::v1::dapr_client::DaprClient;
use http::{HeaderMap, HeaderValue};
use tonic::transport::{Channel, Endpoint};

use crate::error::{Error, Result};
use crate::trace::{Context, Trace, within};

/// Largest message in either direction; the suite starts daprd with `--max-body-size 16Mi`.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// Time allowed to reach a process on the same host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a sidecar is waited for that takes no connection. daprd begins anew, within some tenths of a second, when its Configuration or
/// Resiliency changes, in all pods at once; a container that was killed is back after a second.
const BEGINS_ANEW: Duration = Duration::from_secs(3);
/// The pause between two looks for a sidecar, or for a component in it, that is back in a moment.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where the sidecar is and how to speak to it.
#[derive(Clone, Debug)]
pub struct Config {
    /// daprd's HTTP port on loopback (`DAPR_HTTP_PORT`).
    pub http_port: u16,
    /// daprd's gRPC port on loopback (`DAPR_GRPC_PORT`).
    pub grpc_port: u16,
    /// What daprd wants as `dapr-api-token` (`DAPR_API_TOKEN`), if anything.
    pub api_token: Option<String>,
    /// Time allowed for one call; the resiliency file allows invocation 5 s, so this stands just above.
    pub timeout: Duration,
}

/// One finished call to the sidecar.
#[derive(Debug)]
pub struct Call<'a> {
    /// Building block: `sql`, `publish`, `state`, `binding`, `secret`, `configuration`, `job`, `invoke`, `health`.
    pub block: &'static str,
    /// What was called: statement, topic, component or app; of a job what was done, since each has a name of its own.
    pub name: &'a str,
    /// The span the call belongs to; absent for work that nobody caused.
    pub parent: Option<Context>,
    /// The call's own span.
    pub trace: Trace,
    /// When it began.
    pub start: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// What went wrong, if anything.
    pub error: Option<&'a Error>,
}

/// Hears of every call: for metrics and spans. Must not block.
pub trait Observer: Send + Sync + 'static {
    /// A call has ended.
    fn observe(&self, call: &Call<'_>);
}

impl Observer for () {
    fn observe(&self, _: &Call<'_>) {}
}

/// The sidecar beside this process. Cheap to clone.
#[derive(Clone)]
pub struct Sidecar {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) timeout: Duration,
    grpc: DaprClient<Channel>,
    observer: Box<dyn Observer>,
}

impl Sidecar {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the token has characters a header cannot hold or the HTTP client cannot be built.
    pub fn new(config: &Config, observer: impl Observer) -> Result<Self> {
        let malformed = |detail: String| Error::Malformed { call: "connect".into(), detail };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(64)
            .build()
            .map_err(|error| malformed(error.to_string()))?;
        let token =
            config.api_token.as_deref().map(HeaderValue::from_str).transpose().map_err(|error| malformed(error.to_string()))?;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", config.grpc_port))
            .map_err(|error| malformed(error.to_string()))?;
        let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).connect_lazy();
        let grpc = DaprClient::new(channel).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
        let base = format!("http://127.0.0.1:{}", config.http_port);
        let inner = Inner { http, base, token, timeout: config.timeout, grpc, observer: Box::new(observer) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs one call in a span of its own, within the time allowed, and reports it to the observer.
    pub(crate) async fn observed<T>(
        &self,
        block: &'static str,
        name: &str,
        limit: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let parent = Context::try_current();
        let own = parent.as_ref().map_or_else(Context::unrecorded, Context::child);
        let (trace, start, began) = (own.trace, SystemTime::now(), Instant::now());
        let result = match tokio::time::timeout(limit, within(own, work)).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { call: format!("{block} {name}"), limit }),
        };
        let call = Call { block, name, parent, trace, start, duration: began.elapsed(), error: result.as_ref().err() };
        self.inner.observer.observe(&call);
        result
    }

    /// One HTTP call to daprd. While it takes no connection, nobody has heard of the call, and it is tried anew; one whose body streams is not.
    pub(crate) async fn send(&self, mut request: reqwest::Request) -> reqwest::Result<reqwest::Response> {
        let begun = Instant::now();
        loop {
            let again = request.try_clone();
            match (self.inner.http.execute(request).await, again) {
                (Err(error), Some(again)) if error.is_connect() && begun.elapsed() < BEGINS_ANEW => request = again,
                (answered, _) => return answered,
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A gRPC request to daprd with the token and the trace context of the work in hand.
    pub(crate) fn grpc<M>(&self, message: M) -> (DaprClient<Channel>, tonic::Request<M>) {
        let mut request = tonic::Request::new(message);
        let mut headers = HeaderMap::new();
        self.sign(&mut headers);
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
        (self.inner.grpc.clone(), request)
    }

    /// Adds the token and the trace context of the work in hand.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) {
        if let Some(token) = &self.inner.token {
            headers.insert("dapr-api-token", token.clone());
        }
        if let Some(context) = Context::try_current() {
            if let Ok(value) = HeaderValue::from_str(&context.trace.to_string()) {
                headers.insert("traceparent", value);
            }
            if let Ok(value) = HeaderValue::from_str(&context.correlation_id) {
                headers.insert("x-correlation-id", value);
            }
        }
    }
}
