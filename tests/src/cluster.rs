//! A suite that `scripts/deploy-local.sh` deployed, as kubectl and its front door show it.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::person::{self, Answer};
use crate::suite::variable;

/// Where everything is.
pub const NAMESPACE: &str = "outrigger";
/// The name that the ingress knows.
pub const HOST: &str = "outrigger.local";
/// The address of the ingress controller; without it that which the ingress says of itself.
const INGRESS: &str = "OUTRIGGER_INGRESS";

/// The suite in kubectl's current cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where the ingress controller listens.
    pub ingress: SocketAddr,
    /// The name by which it is asked there.
    pub host: String,
    client: reqwest::Client,
}

/// Somebody who signed up there.
#[derive(Clone, Debug)]
pub struct Member {
    /// Their address; nobody's, where only a token was made.
    pub email: String,
    /// Their access token.
    pub token: String,
    cluster: Cluster,
}

impl Cluster {
    /// Finds the way in.
    ///
    /// # Errors
    /// When there is no cluster or no ingress in it.
    pub async fn find() -> Result<Self> {
        let address = match variable(INGRESS) {
            Some(address) => address,
            None => kubectl(&["get", "ingress", "outrigger", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"]).await?,
        };
        let address: IpAddr =
            address.parse().with_context(|| format!("no address of an ingress: {address:?}; say it in {INGRESS}"))?;
        Self::at(HOST, SocketAddr::new(address, 80))
    }

    /// Where somebody else has found one, also in no cluster.
    ///
    /// # Errors
    /// When this machine cannot ask anybody.
    pub fn at(host: &str, ingress: SocketAddr) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).resolve(host, ingress).build()?;
        Ok(Self { ingress, host: host.to_owned(), client })
    }

    /// For what is asked beside the front door.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// One request to the front door.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Result<Answer> {
        let mut request = self.client.request(method, format!("http://{}{path}", self.host));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
    }

    /// Somebody new.
    ///
    /// # Errors
    /// When they cannot sign up or sign in.
    pub async fn member(&self) -> Result<Member> {
        let email = format!("ada.{}@example.com", Uuid::new_v4().simple());
        let password = "correct horse battery";
        let account = json!({ "email": email, "display_name": "Ada", "password": password, "timezone": "Europe/Berlin" });
        self.send(Method::POST, "/auth/signup", &[], Some(&account)).await?.is(201)?;
        let credentials = json!({ "grant_type": "password", "username": email, "password": password });
        let token: Value = self.send(Method::POST, "/auth/token", &[], Some(&credentials)).await?.expect(200)?;
        let token = token["access_token"].as_str().context("a token")?.to_owned();
        Ok(Member { email, token, cluster: self.clone() })
    }
}

impl Cluster {
    /// Somebody whose token the suite's own key signed, and whom no limit stops: for load.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub async fn somebody(&self) -> Result<Member> {
        self.people(1).await?.pop().context("somebody")
    }

    /// So many of them, each in a tenant of their own.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub async fn people(&self, count: usize) -> Result<Vec<Member>> {
        let key = ["get", "secret", "outrigger-jwt", "-o", "go-template={{index .data \"private-key\" | base64decode}}"];
        let pem = kubectl(&key).await?;
        let key_id = person::key_id(&pem)?;
        let tokens = (0..count).map(|_| person::sign(&pem, &key_id, |_| {}));
        tokens.map(|token| Ok(Member { email: String::new(), token: token?, cluster: self.clone() })).collect()
    }
}

impl Member {
    /// One request with their token.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Result<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.cluster.send(method, path, &all, body).await
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }
}

/// What kubectl prints, in the suite's namespace.
///
/// # Errors
/// With its own words, when it fails.
pub async fn kubectl(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("kubectl");
    command.args(["--namespace", NAMESPACE]).args(arguments).stdin(Stdio::null());
    said(command).await.with_context(|| format!("kubectl {}", arguments.join(" ")))
}

/// An object or a list, as JSON.
///
/// # Errors
/// When kubectl fails.
pub async fn objects(what: &[&str]) -> Result<Value> {
    let arguments = [&["get"], what, &["-o", "json"]].concat();
    Ok(serde_json::from_str(&kubectl(&arguments).await?)?)
}

/// What a command prints on its standard output.
///
/// # Errors
/// With all that it printed, when it fails.
pub async fn said(mut command: Command) -> Result<String> {
    let output = command.output().await?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}: {words}{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(words)
}

/// The names of an app's pods that are ready and not about to leave.
///
/// # Errors
/// When kubectl fails.
pub async fn pods(app: &str) -> Result<Vec<String>> {
    let list = objects(&["pods", "--selector", &format!("app.kubernetes.io/name={app}")]).await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let staying = items.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null() && is_ready(pod));
    Ok(staying.filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned())).collect())
}

fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|each| each["type"] == "Ready" && each["status"] == "True")
}
