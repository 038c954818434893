//! `outrigger users grant`: gives a person a scope. It signs in as the app `cli`, so it works where that app's secret is: beside the suite.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use contracts::token::internal_scope;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sidecar::invoke::{Path, Request};
use sidecar::{Config, Sidecar};
use stack::Running;

use crate::output::say;
use crate::suite::Folder;
use crate::usage::Usage;

/// As whom identity knows the command line.
const APP: &str = "cli";
/// The app that knows people.
const IDENTITY: &str = "identity";
/// Time for one call; a healthy suite answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Who gets what.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The address they signed up with
    email: String,

    /// What they may do from their next token on: ops
    scope: String,

    #[command(flatten)]
    folder: Folder,
}

/// Asks identity through a sidecar of the running suite.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let suite = arguments.folder.suite()?;
    let sidecar = any_sidecar(&suite).await?;
    let token = token(&suite, &sidecar).await?;
    let body = json!({ "email": arguments.email, "scope": arguments.scope });
    let (status, answer) = call(&sidecar, &["internal", "users", "grant"], Some(&token), &body).await?;
    let Arguments { email, scope, .. } = arguments;
    match status {
        StatusCode::OK => {
            say(&format!(
                "{email} has the scope {scope} in every token from now on; tokens that are out already stay as they are.\n"
            ));
            Ok(())
        }
        StatusCode::NOT_FOUND => bail!("nobody signed up with {email}"),
        StatusCode::UNPROCESSABLE_ENTITY => {
            let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let named: Vec<String> =
                errors.iter().map(|error| format!("{} {}", text(&error["field"]), text(&error["message"]))).collect();
            Err(Usage(named.join("; ")).into())
        }
        _ => bail!("identity answered {status}: {}", answer["detail"].as_str().unwrap_or("no reason was given")),
    }
}

/// The first sidecar that answers: any of them leads to identity.
async fn any_sidecar(suite: &Running) -> Result<Sidecar> {
    for running in &suite.instances {
        let config = Config {
            http_port: running.instance.dapr_http_port,
            grpc_port: running.instance.dapr_grpc_port,
            api_token: Some(running.instance.dapr_api_token.clone()),
            timeout: TIMEOUT,
        };
        let sidecar = Sidecar::new(&config, ())?;
        if sidecar.health().await.is_ok() {
            return Ok(sidecar);
        }
    }
    bail!("no sidecar of the suite answers; `outrigger status` says how its parts are")
}

/// A token for identity's internal routes.
async fn token(suite: &Running, sidecar: &Sidecar) -> Result<String> {
    let secret = suite.secret(&format!("outrigger-client-{APP}"), "secret")?;
    let credentials = json!({
        "grant_type": "client_credentials", "client_id": APP, "client_secret": secret, "scope": internal_scope(IDENTITY),
    });
    let (status, answer) = call(sidecar, &["auth", "token"], None, &credentials).await?;
    if status != StatusCode::OK {
        bail!("identity gave no token, it answered {status}: {}", answer["detail"].as_str().unwrap_or("no reason was given"));
    }
    answer["access_token"].as_str().map(str::to_owned).context("identity answered without a token")
}

async fn call(sidecar: &Sidecar, path: &[&str], token: Option<&str>, body: &Value) -> Result<(StatusCode, Value)> {
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
    }
    let request = Request {
        app: IDENTITY,
        method: Method::POST,
        path: Path::internal(path)?,
        query: None,
        headers,
        body: body.to_string().into(),
        timeout: TIMEOUT,
    };
    let response = sidecar.invoke(request).await.context("identity did not answer")?;
    let status = response.status();
    let bytes = response.into_body().collect().await.context("identity's answer broke off")?.to_bytes();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}
