//! The public API of a suite, here or far away, as an operator uses it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use reqwest::{Client, Method, Response, StatusCode, Url, header};
use serde_json::{Value, json};

use crate::output::note;
use crate::usage::Usage;

/// Time for one answer; a replay waits for the app that takes the event.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a request is held back when there were too many, before that is the answer.
const MAX_WAITS: usize = 5;
/// The longest wait that is worth it: limits are by the minute.
const MAX_WAIT: u64 = 90;

/// Where the suite is and who asks. Secrets are better left to the environment: a command line is everyone's to read.
#[derive(Args, Debug)]
pub(crate) struct Access {
    /// Address of the suite
    #[arg(long, env = "OUTRIGGER_URL", default_value = "http://localhost:7100", value_name = "URL")]
    url: Url,

    /// An operator's access token, in place of id and secret
    #[arg(long, env = "OUTRIGGER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,

    /// Client id of an operator
    #[arg(long, env = "OUTRIGGER_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,

    /// Client secret of an operator
    #[arg(long, env = "OUTRIGGER_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    client_secret: Option<String>,
}

/// A suite that can be asked.
pub(crate) struct Api {
    client: Client,
    url: Url,
    /// Gives the next token when one ends while a long list is worked through.
    credentials: Option<(String, String)>,
    token: String,
}

impl Access {
    /// Takes a token, unless there is one.
    pub async fn sign_in(self) -> Result<Api> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let credentials = given(self.client_id).zip(given(self.client_secret));
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
        let mut api = Api { client: client.build()?, url: self.url, credentials, token: String::new() };
        match given(self.token) {
            Some(token) => api.token = token,
            None => api.renew().await?,
        }
        Ok(api)
    }
}

impl Api {
    /// `GET`, as JSON.
    pub async fn get(&mut self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        self.send(Method::GET, path, query).await
    }

    /// `POST` without a body, as JSON.
    pub async fn post(&mut self, path: &str) -> Result<Value> {
        self.send(Method::POST, path, &[]).await
    }

    async fn send(&mut self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let (mut waits, mut renewed) = (0, false);
        loop {
            let request = self.client.request(method.clone(), self.at(path)?).query(query).bearer_auth(&self.token);
            let response = request.send().await.map_err(|error| self.unreached(error))?;
            match response.status() {
                StatusCode::UNAUTHORIZED if self.credentials.is_some() && !renewed => {
                    renewed = true;
                    self.renew().await?;
                }
                StatusCode::TOO_MANY_REQUESTS if waits < MAX_WAITS => {
                    waits += 1;
                    let seconds = retry_after(&response).unwrap_or(1).min(MAX_WAIT);
                    note(&format!("too many requests a minute; going on in {seconds} s"));
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                status if status.is_success() => return response.json().await.context("the answer is no JSON"),
                status => bail!(refusal(status, &response.text().await.unwrap_or_default())),
            }
        }
    }

    /// A token for the client credentials.
    async fn renew(&mut self) -> Result<()> {
        let Some((id, secret)) = &self.credentials else {
            return Err(Usage(
                "set OUTRIGGER_CLIENT_ID and OUTRIGGER_CLIENT_SECRET to those of a person with the scope ops, or OUTRIGGER_TOKEN"
                    .to_owned(),
            )
            .into());
        };
        let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
        let response =
            self.client.post(self.at("auth/token")?).json(&body).send().await.map_err(|error| self.unreached(error))?;
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        if !status.is_success() {
            bail!("no token for OUTRIGGER_CLIENT_ID: {}", refusal(status, &text));
        }
        let answer: Value = serde_json::from_str(&text).context("the token's answer is no JSON")?;
        self.token = answer["access_token"].as_str().context("the answer holds no token")?.to_owned();
        Ok(())
    }

    /// A path below the suite's address, which may have a path of its own.
    fn at(&self, path: &str) -> Result<Url> {
        let base = self.url.as_str().trim_end_matches('/');
        format!("{base}/{path}").parse().with_context(|| format!("{} is no base of an address", self.url))
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

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// What a refusal means for whoever typed the command.
fn refusal(status: StatusCode, body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let mut text = problem["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    for error in problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default() {
        text.push_str(&format!(
            " {} {}.",
            error["field"].as_str().unwrap_or_default(),
            error["message"].as_str().unwrap_or_default()
        ));
    }
    match status {
        StatusCode::UNAUTHORIZED => format!("the token is not accepted: {text}"),
        StatusCode::FORBIDDEN => {
            format!("{text} `outrigger users grant EMAIL ops` makes an operator; a new token is needed then.")
        }
        _ => text,
    }
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
