//! Who may call whom and who reads which secret: said by the manifests, and so in the cluster.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::cluster::{Cluster, NAMESPACE, kubectl, pods};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{name, of_kind, rendered};

/// A way to a port of one pod, open while this lives.
pub(super) struct Forward {
    /// Where it begins.
    pub(super) url: String,
    _kubectl: Child,
    /// Kept open: kubectl writes a line for each connection, and ends when nobody could read it.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Forward {
    pub(super) async fn open(pod: &str, port: u16) -> Result<Self> {
        Self::open_in(NAMESPACE, &format!("pod/{pod}"), port).await
    }

    /// To what is named by its kind, such as `service/kafka`, of another namespace.
    pub(super) async fn open_in(namespace: &str, what: &str, port: u16) -> Result<Self> {
        let mut command = Command::new("kubectl");
        command.args(["--namespace", namespace, "port-forward", what, &format!(":{port}")]);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await??.context("a first line")?;
        // Forwarding from 127.0.0.1:40123 -> 3500
        let address = line.split_whitespace().nth(2).with_context(|| line.clone())?;
        Ok(Self { url: format!("http://{address}"), _kubectl: child, _lines: lines })
    }
}

/// What `caller`'s own sidecar answers when it is asked to call `callee`.
async fn call(cluster: &Cluster, caller: &str, callee: &str) -> Result<(u16, String)> {
    let token = format!("{caller}-token");
    let token = kubectl(&["get", "secret", &token, "-o", "go-template={{.data.token | base64decode}}"]).await?;
    let pod = pods(caller).await?.into_iter().next().with_context(|| format!("a pod of {caller}"))?;
    let sidecar = Forward::open(&pod, 3500).await?;
    let url = format!("{}/v1.0/invoke/{callee}/method/health", sidecar.url);
    let answer = cluster.client().get(url).header("dapr-api-token", token).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test]
async fn cluster_an_undeclared_caller_is_refused_by_the_sidecar() -> Result<()> {
    let cluster = Cluster::find().await?;
    // Declared, so the app itself answers.
    for (caller, callee) in [("gateway", "tasks"), ("recurrence", "tasks"), ("realtime", "identity")] {
        let (status, words) = call(&cluster, caller, callee).await?;
        ensure!(status == 200, "{caller} calls {callee}: {status} {words}");
    }
    for (caller, callee) in [("realtime", "tasks"), ("notifications", "tasks"), ("tasks", "gateway"), ("recurrence", "audit")] {
        let (status, words) = call(&cluster, caller, callee).await?;
        ensure!(status == 403, "{caller} calls {callee}: {status} {words}");
    }
    Ok(())
}

#[tokio::test]
async fn cluster_a_secret_is_read_by_those_alone_whom_it_is_for() -> Result<()> {
    let objects = rendered("k8s/local")?;
    let apps: Vec<&str> = of_kind(&objects, "ServiceAccount").into_iter().map(name).collect();
    let listed = kubectl(&["get", "secrets", "-o", "jsonpath={.items[*].metadata.name}"]).await?;
    let secrets: BTreeSet<&str> = listed.split_whitespace().collect();
    ensure!(apps.len() >= 9 && secrets.len() > 20, "{apps:?} {secrets:?}");
    for app in &apps {
        let mut wanted: BTreeSet<String> = BTreeSet::from([format!("outrigger-client-{app}")]);
        if *app == "identity" {
            wanted.extend(["outrigger-jwt".to_owned(), "outrigger-clients".to_owned()]);
        }
        // What the components refer to that are for this app.
        for component in of_kind(&objects, "Component") {
            if component["scopes"].as_array().into_iter().flatten().any(|scope| scope == app) {
                let references = component["spec"]["metadata"].as_array().into_iter().flatten();
                wanted.extend(references.filter_map(|item| Some(item["secretKeyRef"]["name"].as_str()?.to_owned())));
            }
        }
        let account = format!("system:serviceaccount:{NAMESPACE}:{app}");
        let rules = kubectl(&["auth", "can-i", "--list", "--no-headers", "--as", &account]).await?;
        ensure!(!rules.lines().any(|rule| rule.starts_with('*')), "{app} may do everything: {rules}");
        // secrets   []   [outrigger-redis]   [get]
        let of_secrets: Vec<&str> = rules.lines().filter(|rule| rule.starts_with("secrets ")).collect();
        ensure!(of_secrets.iter().all(|rule| rule.ends_with("[get]")), "{app}: {of_secrets:#?}");
        // A rule without a name would be about all of them.
        let named = of_secrets.iter().flat_map(|rule| rule.split(['[', ']']).nth(3).unwrap_or("*").split(' '));
        let may: BTreeSet<String> = named.map(str::to_owned).collect();
        ensure!(may == wanted, "{app} may read {may:?}, and should read {wanted:?}");
        ensure!(may.iter().all(|secret| secrets.contains(secret.as_str())), "{app} may read what is not there: {may:?}");
    }
    Ok(())
}
