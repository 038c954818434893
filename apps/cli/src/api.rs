//! The public API of a suite, here or far away, as a person or an operator uses it.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use reqwest::{Client, Method, Response, StatusCode, Url, header};
use serde_json::{Value, json};

use crate::output::note;
use crate::sign_ins::{Locked, SignIn};
use crate::usage::Usage;

/// Time for one answer; a replay waits for the app that takes the event.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a request is held back when there were too many, before that is the answer.
const MAX_WAITS: usize = 5;
/// The longest wait that is worth it: limits are by the minute.
const MAX_WAIT: u64 = 90;

/// Where the suite is.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// Address of the suite
    #[arg(long, env = "OUTRIGGER_URL", default_value = "http://localhost:7100", value_name = "URL")]
    url: Url,
}

/// Where the suite is and who asks: whoever signed in, unless something else is said. Secrets are better left to the environment: a command
/// line is everyone's to read.
#[derive(Args, Debug)]
pub(crate) struct Access {
    #[command(flatten)]
    place: Place,

    /// An access token, in place of everything else
    #[arg(long, env = "OUTRIGGER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,

    /// Client id, in place of signing in
    #[arg(long, env = "OUTRIGGER_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,

    /// Client secret, in place of signing in
    #[arg(long, env = "OUTRIGGER_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    client_secret: Option<String>,
}

/// What gives the next token when one ends.
enum Source {
    /// Nothing: the token was handed in.
    Token,
    /// The credentials of a client.
    Client { id: String, secret: String },
    /// What `outrigger login` kept.
    SignIn,
}

/// A suite that can be asked.
pub(crate) struct Api {
    client: Client,
    url: Url,
    source: Source,
    token: String,
}

/// What is sent with a request.
pub(crate) enum Body<'a> {
    /// Nothing.
    None,
    /// A value, as JSON.
    Json(&'a Value),
    /// A file as it is, and its media type.
    File(&'static str, Vec<u8>),
}

impl Place {
    /// The suite, of which only open doors can be asked yet.
    pub fn api(self) -> Result<Api> {
        let mut client =
            Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT).redirect(reqwest::redirect::Policy::none());
        if matches!(self.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            client = client.no_proxy();
        }
        if self.url.scheme() != "http" {
            return Err(Usage(format!(
                "{}: only http is spoken; reach a suite behind TLS through a tunnel of your own",
                self.url
            ))
            .into());
        }
        Ok(Api { client: client.build()?, url: self.url, source: Source::Token, token: String::new() })
    }
}

impl Access {
    /// Takes a token, unless there is one.
    pub async fn sign_in(self) -> Result<Api> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let mut api = self.place.api()?;
        if let Some(token) = given(self.token) {
            api.token = token;
            return Ok(api);
        }
        if let (Some(id), Some(secret)) = (given(self.client_id), given(self.client_secret)) {
            api.source = Source::Client { id, secret };
            api.renew().await?;
            return Ok(api);
        }
        let kept = Locked::open()?.of(api.address())?.ok_or_else(|| {
            let ways = "sign in by `outrigger login`, or set OUTRIGGER_CLIENT_ID and OUTRIGGER_CLIENT_SECRET, or OUTRIGGER_TOKEN";
            Usage(format!("nobody is signed in to {}: {ways}", api.url))
        })?;
        api.source = Source::SignIn;
        api.token = kept.access_token;
        Ok(api)
    }
}

impl Api {
    /// The suite's address, by which sign-ins are kept.
    pub fn address(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// `GET`, as JSON.
    pub async fn get(&mut self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        json_of(self.send(Method::GET, path, query, Body::None).await?).await
    }

    /// `POST`, as JSON.
    pub async fn post(&mut self, path: &str, query: &[(&str, &str)], body: Body<'_>) -> Result<Value> {
        json_of(self.send(Method::POST, path, query, body).await?).await
    }

    /// Asks, as often as limits and a token that ended make it necessary. Gives success only.
    pub async fn send(&mut self, method: Method, path: &str, query: &[(&str, &str)], body: Body<'_>) -> Result<Response> {
        let (mut waits, mut renewed) = (0, false);
        loop {
            let request = self.client.request(method.clone(), self.at(path)?).query(query).bearer_auth(&self.token);
            let request = match &body {
                Body::None => request,
                Body::Json(value) => request.json(value),
                Body::File(kind, bytes) => request.header(header::CONTENT_TYPE, *kind).body(bytes.clone()),
            };
            let response = request.send().await.map_err(|error| self.unreached(error))?;
            match response.status() {
                StatusCode::UNAUTHORIZED if !matches!(self.source, Source::Token) && !renewed => {
                    renewed = true;
                    self.renew().await?;
                }
                StatusCode::TOO_MANY_REQUESTS if waits < MAX_WAITS => {
                    waits += 1;
                    let seconds = retry_after(&response).unwrap_or(1).min(MAX_WAIT);
                    note(&format!("too many requests a minute; going on in {seconds} s"));
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                status if status.is_success() => return Ok(response),
                status => bail!(refusal(status, &response.text().await.unwrap_or_default())),
            }
        }
    }

    /// The next token.
    async fn renew(&mut self) -> Result<()> {
        match &self.source {
            Source::Token => {}
            Source::Client { id, secret } => {
                let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
                let answer =
                    self.open("auth/token", &body).await?.map_err(|why| anyhow!("no token for OUTRIGGER_CLIENT_ID: {why}"))?;
                self.token = answer["access_token"].as_str().context("the answer holds no token")?.to_owned();
            }
            Source::SignIn => self.token = self.refresh().await?,
        }
        Ok(())
    }

    /// The next token of who signed in. The sign-ins stay locked meanwhile: a refresh token works once, and a second use ends its family.
    async fn refresh(&self) -> Result<String> {
        let mut kept = Locked::open()?;
        let ended = || Usage(format!("the sign-in to {} has ended; `outrigger login` begins a new one", self.url));
        let sign_in = kept.of(self.address())?.ok_or_else(ended)?;
        if sign_in.access_token != self.token {
            return Ok(sign_in.access_token);
        }
        match self.open("auth/refresh", &json!({ "refresh_token": sign_in.refresh_token })).await? {
            Ok(answer) => {
                let next = SignIn::of(sign_in.email, &answer)?;
                kept.put(self.address(), Some(&next))?;
                Ok(next.access_token)
            }
            Err(_) => {
                kept.put(self.address(), None)?;
                Err(ended().into())
            }
        }
    }

    /// Asks an open door: its answer, or why it refused. A suite that is not there or out of order is an error.
    pub async fn open(&self, path: &str, body: &Value) -> Result<Result<Value, String>> {
        let response = self.client.post(self.at(path)?).json(body).send().await.map_err(|error| self.unreached(error))?;
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        match status {
            StatusCode::NO_CONTENT => Ok(Ok(Value::Null)),
            status if status.is_success() => serde_json::from_str(&text).map(Ok).context("the answer is no JSON"),
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Ok(Err(refusal_of_anyone(status, &text)))
            }
            status => bail!(refusal_of_anyone(status, &text)),
        }
    }

    /// A path below the suite's address, which may have a path of its own.
    fn at(&self, path: &str) -> Result<Url> {
        format!("{}/{path}", self.address()).parse().with_context(|| format!("{} is no base of an address", self.url))
    }

    fn unreached(&self, error: reqwest::Error) -> anyhow::Error {
        let why = if error.is_timeout() {
            "does not answer in time"
        } else {
            "cannot be reached; is it running, and is OUTRIGGER_URL right?"
        };
        anyhow::Error::new(error.without_url()).context(format!("{} {why}", self.url))
    }
}

async fn json_of(response: Response) -> Result<Value> {
    response.json().await.context("the answer is no JSON")
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// What a refusal means for whoever typed the command.
fn refusal(status: StatusCode, body: &str) -> String {
    let text = refusal_of_anyone(status, body);
    match status {
        StatusCode::UNAUTHORIZED => format!("the token is not accepted: {text}"),
        StatusCode::FORBIDDEN => {
            format!("{text} `outrigger users grant EMAIL ops` makes an operator; a new token is needed then.")
        }
        _ => text,
    }
}

/// The words of a refusal.
fn refusal_of_anyone(status: StatusCode, body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let mut text = problem["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    for error in problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default() {
        text.push_str(&format!(
            " {} {}.",
            error["field"].as_str().unwrap_or_default(),
            error["message"].as_str().unwrap_or_default()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let body = r#"{"detail":"Only operators may look after dead letters."}"#;
        assert!(refusal(StatusCode::FORBIDDEN, body).contains("outrigger users grant"));
        let fields = r#"{"detail":"Each entry names a field.","errors":[{"field":"state","message":"must be open"}]}"#;
        assert_eq!(refusal(StatusCode::UNPROCESSABLE_ENTITY, fields), "Each entry names a field. state must be open.");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, "<html>"), "502 Bad Gateway");
    }
}
