//! HTTPS as a cluster that people reach has it: the objects of `k8s/cloud` with a real Traefik, a real cert-manager and a real authority.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::cluster::{NAMESPACE, kubectl, objects};
use tests::eventually;
use tests::recorder::Scratch;
use tests::suite::is_long;

use super::door::{Door, HOST, MAIL, SPACE, Served, apply, clear, install, open, placed, version};
use super::tools::fed;
use super::{of_kind, rendered};
use crate::workspace::root;

/// How long a certificate of this authority holds. cert-manager renews it when two thirds are over, which is waited for in the long run alone.
const HOLDS: [Duration; 2] = [Duration::from_secs(3600), Duration::from_secs(60)];
/// A pod is started, asked five times by cert-manager and then by the authority, for each certificate.
const ISSUED: Duration = Duration::from_secs(90);
/// What is asked of Traefik while it reads new objects.
const SEEN: Duration = Duration::from_secs(20);
/// The kinds that come to this story's namespace; the rest of `k8s/cloud` is the suite.
const DOOR: [&str; 4] = ["ClusterIssuer", "Ingress", "Middleware", "TLSOption"];
/// The overlay of this story.
const OVERLAY: &str = ".run/cluster-tls";

/// A way to the suite, which stays in its own namespace.
async fn lead_to_the_suite() -> Result<()> {
    let mut text = include_str!("certificates.yaml").replace("@SPACE@", SPACE);
    for (word, service) in [("@GATEWAY@", "gateway"), ("@REALTIME@", "realtime")] {
        let address = kubectl(&["get", "service", service, "-o", "jsonpath={.spec.clusterIP}"]).await?;
        text = text.replace(word, &address);
    }
    apply(&text, &[]).await.map(drop)
}

/// The door of the overlay, in this story's namespace instead of the suite's.
fn moved(objects: &[Value]) -> Result<Vec<Value>> {
    let door: Vec<&Value> = DOOR.iter().flat_map(|kind| of_kind(objects, kind)).collect();
    ensure!(door.len() == 6, "{} objects", door.len());
    let text =
        serde_json::to_string(&door)?.replace(&format!("\"namespace\":\"{NAMESPACE}\""), &format!("\"namespace\":\"{SPACE}\""));
    // Traefik's names of what is in a namespace begin with it.
    let text = ["to-https", "tls"].iter().fold(text, |text, name| {
        text.replace(&format!("{NAMESPACE}-{name}@kubernetescrd"), &format!("{SPACE}-{name}@kubernetescrd"))
    });
    Ok(serde_json::from_str(&text)?)
}

async fn ready_issuers() -> Result<Option<()>> {
    let issuers = objects(&["clusterissuers"]).await?;
    let items = issuers["items"].as_array().context("a list")?;
    let ready = |issuer: &&Value| {
        let mut conditions = issuer["status"]["conditions"].as_array().into_iter().flatten();
        let registered = &issuer["status"]["acme"]["lastRegisteredEmail"];
        *registered == MAIL && conditions.any(|each| each["type"] == "Ready" && each["status"] == "True")
    };
    ensure!(items.len() == 2 && items.iter().filter(ready).count() == 2, "{issuers:#}");
    Ok(Some(()))
}

async fn tell(folder: &Scratch) -> Result<()> {
    let (installed, authority) = tokio::join!(install(folder), open(folder, SPACE, HOLDS[usize::from(is_long())]));
    installed?;
    lead_to_the_suite().await?;
    authority?.overlay(OVERLAY, "k8s/cloud", "")?;
    let all = rendered(OVERLAY)?;
    // The whole of it, where the suite is: asked, not done.
    let accepted = apply(&placed(&all).await?, &["--dry-run=server"]).await?;
    ensure!(accepted.lines().count() > 100 && accepted.contains("clusterissuer.cert-manager.io/letsencrypt "), "{accepted}");
    apply(&placed(&moved(&all)?).await?, &[]).await?;

    eventually("both issuers have an account under the address of this place", ISSUED, ready_issuers).await?;
    let door = Door::find(folder).await?;
    let first = eventually("a certificate is served", ISSUED, async || Ok(Some(door.handshake("-tls1_3").await?))).await?;
    let second = door.handshake("-tls1_2").await?;
    ensure!(first.words.contains("New, TLSv1.3") && second.words.contains("New, TLSv1.2"), "{first:?} {second:?}");
    for version in ["-tls1_1", "-tls1"] {
        // The other side's own word: this side would have spoken it.
        let refused = door.handshake(version).await.err().with_context(|| format!("{version} is taken"))?;
        ensure!(format!("{refused:#}").contains("alert protocol version"), "{version}: {refused:#}");
    }
    // Each by the app that the path leads to. A story before this one may have left an app on its way back.
    for (path, words) in [("/health", "\"keys\":\"up\""), ("/ws", "Send the token as ?token=.")] {
        eventually("the suite answers", ISSUED, async || {
            let answer = door.curl("https", path, &[]).await?;
            ensure!(answer.contains(words), "{path}: {answer}");
            Ok(Some(()))
        })
        .await?;
    }
    for (method, status) in [("GET", "301"), ("POST", "308")] {
        let more = ["--request", method, "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"];
        let sent = door.curl("http", "/tasks?limit=1", &more).await?;
        ensure!(sent == format!("{status} https://{HOST}/tasks?limit=1"), "{method}: {sent}");
    }

    if is_long() { renewed(&door, &first).await } else { Ok(()) }
}

/// Nobody does anything, and there is another before the first ends: no handshake fails meanwhile.
async fn renewed(door: &Door, first: &Served) -> Result<()> {
    eventually("another certificate is served", ISSUED + HOLDS[1], async || {
        let served = door.handshake("-tls1_3").await;
        Ok(if served.as_ref().is_ok_and(|served| served.serial == first.serial) { None } else { Some(served) })
    })
    .await??;
    let kept =
        ["get", "secret", "outrigger-certificate", "-n", SPACE, "-o", "go-template={{index .data \"tls.crt\" | base64decode}}"];
    eventually("the one that cert-manager keeps is the one that is served", SEEN, async || {
        let kept = fed("openssl", &["x509", "-noout", "-serial"], &kubectl(&kept).await?).await?;
        Ok((kept == door.handshake("-tls1_3").await?.serial).then_some(()))
    })
    .await?;
    let certificate = objects(&["certificate", "outrigger-certificate", "-n", SPACE]).await?;
    ensure!(certificate["status"]["revision"].as_u64() >= Some(2), "{certificate}");
    Ok(())
}

/// Seen red: `VersionTLS10` in ingress.yaml ("-tls1_1 is taken"), no middleware there ("GET: 401"), an address in cert-manager-issuer.yaml, no issuer
/// named in ingress.yaml ("a certificate is served: not within 90s"), and in the long run no controller after the first certificate ("certificate has
/// expired").
#[tokio::test]
async fn cluster_a_certificate_is_issued_and_renewed_and_nothing_older_than_tls_1_2_is_spoken() -> Result<()> {
    clear(true).await?;
    let folder = Scratch::new()?;
    let told = tell(&folder).await;
    told.and(clear(false).await)
}

/// The chart that the story installs is made of the module, and the script's own is another's to give.
#[test]
fn contract_the_cert_manager_that_is_tested_is_the_one_that_is_installed() -> Result<()> {
    let script = fs::read_to_string(root()?.join("scripts/install-cert-manager.sh"))?;
    let installed = script.lines().find_map(|line| line.strip_prefix("CERT_MANAGER_VERSION=")).context("a version")?;
    let tested = version("github.com/cert-manager/cert-manager")?;
    ensure!(installed == tested, "{installed} is installed, {tested} is tested");
    Ok(())
}
