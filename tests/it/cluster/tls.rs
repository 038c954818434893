//! HTTPS as a cluster that people reach has it: the objects of `k8s/cloud` with a real Traefik, a real cert-manager and a real authority that
//! speaks ACME. All of it is there for this story alone, the kinds of cert-manager too.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tests::cluster::{Cluster, NAMESPACE, kubectl, objects, said};
use tests::eventually;
use tests::recorder::Scratch;
use tests::suite::is_long;
use tokio::process::Command;

use super::tools::{fed, stream};
use super::{of_kind, rendered};
use crate::workspace::root;

const SPACE: &str = "outrigger-tls";
/// The service's own name: cert-manager and the authority ask there, as they ask a real host.
const HOST: &str = "traefik.outrigger-tls.svc.cluster.local";
const AUTHORITY: &str = "pebble.outrigger-tls.svc.cluster.local";
const MAIL: &str = "admin@example.org";
/// What the chart of `scripts/install-traefik.sh` runs.
const TRAEFIK: &str = "traefik:v3.6.12";
/// How long a certificate of this authority holds. cert-manager renews it when two thirds are over, which is waited for in the long run alone.
const HOLDS: [Duration; 2] = [Duration::from_secs(3600), Duration::from_secs(60)];
/// A pod is started, asked five times by cert-manager and then by the authority, for each certificate.
const ISSUED: Duration = Duration::from_secs(90);
/// What is asked of Traefik while it reads new objects.
const SEEN: Duration = Duration::from_secs(20);
/// The kinds that come to this story's namespace; the rest of `k8s/cloud` is the suite.
const DOOR: [&str; 4] = ["ClusterIssuer", "Ingress", "Middleware", "TLSOption"];

/// The way in from this machine.
struct Door {
    address: IpAddr,
    web: u64,
    websecure: u64,
    /// The file with the certificate of the authority's authority.
    authority: PathBuf,
}

/// Who is served, by which certificate.
#[derive(Debug)]
struct Served {
    serial: String,
    words: String,
}

impl Door {
    async fn find(folder: &Scratch) -> Result<Self> {
        let service = objects(&["service", "traefik", "-n", SPACE]).await?;
        let ports = service["spec"]["ports"].as_array().context("ports")?;
        let port = |name: &str| {
            let port = ports.iter().find(|port| port["name"] == name).and_then(|port| port["nodePort"].as_u64());
            port.with_context(|| format!("{name}: {service}"))
        };
        let path = format!("/api/v1/namespaces/{SPACE}/services/https:pebble:management/proxy/roots/0");
        let authority = folder.path("authority.pem");
        fs::write(&authority, kubectl(&["get", "--raw", &path]).await?)?;
        let address = Cluster::find().await?.ingress.ip();
        Ok(Self { address, web: port("web")?, websecure: port("websecure")?, authority })
    }

    /// A handshake by one version of TLS. The certificate has to be of the authority, for the host, and in its time.
    async fn handshake(&self, version: &str) -> Result<Served> {
        let (address, authority) = (format!("{}:{}", self.address, self.websecure), self.authority.display().to_string());
        let ask = ["s_client", version, "-connect", &address, "-servername", HOST, "-CAfile", &authority];
        // Old versions need the old strength, or this side refuses before it has asked.
        let verify = ["-verify_return_error", "-verify_hostname", HOST, "-cipher", "DEFAULT:@SECLEVEL=0"];
        let words = fed("openssl", &[&ask[..], &verify].concat(), "").await?;
        ensure!(words.contains("Verify return code: 0 (ok)"), "{words}");
        let serial = fed("openssl", &["x509", "-noout", "-serial"], &words).await?;
        Ok(Served { serial, words })
    }

    /// What curl says of a request at a path, of one of the two entry points.
    async fn curl(&self, scheme: &str, path: &str, more: &[&str]) -> Result<String> {
        let port = if scheme == "https" { self.websecure } else { self.web };
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "10", "--resolve", &format!("{HOST}:{port}:{}", self.address)]);
        command.arg("--cacert").arg(&self.authority).args(more).arg(format!("{scheme}://{HOST}:{port}{path}"));
        said(command).await
    }
}

/// HOST and MAIL as `scripts/deploy-cloud.sh` replaces them.
async fn placed(objects: &[Value]) -> Result<String> {
    fed("sed", &["-e", &format!(r"s|\bHOST\b|{HOST}|g"), "-e", &format!(r"s|\bMAIL\b|{MAIL}|g")], &stream(objects)).await
}

async fn apply(text: &str, more: &[&str]) -> Result<String> {
    let arguments = [&["apply", "--server-side", "--force-conflicts", "-f", "-"], more].concat();
    fed("kubectl", &arguments, text).await
}

/// The version that certificates are tested with, of a module.
fn version(module: &str) -> Result<String> {
    let text = fs::read_to_string(root()?.join("scripts/certificates/go.mod"))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = words.windows(2).find(|pair| pair[0] == module && pair[1].starts_with('v'));
    Ok(place.with_context(|| module.to_owned())?[1].to_owned())
}

/// Traefik and the authority. Gives the certificate by which the authority itself is known, as an issuer takes it.
async fn prepare(folder: &Scratch) -> Result<String> {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    command.args(["-subj", "/CN=authority", "-addext", &format!("subjectAltName=DNS:{AUTHORITY}")]);
    command.arg("-keyout").arg(folder.path("key.pem")).arg("-out").arg(folder.path("certificate.pem"));
    said(command).await?;
    let read = |name: &str| -> Result<String> { Ok(BASE64_STANDARD.encode(fs::read(folder.path(name))?)) };
    let certificate = read("certificate.pem")?;
    let mut text = include_str!("tls.yaml").to_owned();
    for (word, value) in [
        ("SPACE", SPACE.to_owned()),
        ("TRAEFIK", TRAEFIK.to_owned()),
        ("PEBBLE", format!("ghcr.io/letsencrypt/pebble:{}", version("github.com/letsencrypt/pebble/v2")?)),
        ("SECONDS", HOLDS[usize::from(is_long())].as_secs().to_string()),
        ("GATEWAY", kubectl(&["get", "service", "gateway", "-o", "jsonpath={.spec.clusterIP}"]).await?),
        ("REALTIME", kubectl(&["get", "service", "realtime", "-o", "jsonpath={.spec.clusterIP}"]).await?),
        ("CERTIFICATE", certificate.clone()),
        ("KEY", read("key.pem")?),
    ] {
        text = text.replace(&format!("@{word}@"), &value);
    }
    apply(&text, &[]).await?;
    for part in ["deployment/traefik", "deployment/pebble"] {
        kubectl(&["rollout", "status", part, "-n", SPACE, "--timeout=120s"]).await?;
    }
    Ok(certificate)
}

/// What `k8s/cloud` renders for another authority: its address and the certificate by which it is known, nothing else.
fn overlay(known_by: &str) -> Result<Vec<Value>> {
    let folder = ".run/cluster-tls";
    fs::create_dir_all(root()?.join(folder))?;
    let patch = format!(
        "resources: [../../k8s/cloud]\npatches:\n  - target: {{ kind: ClusterIssuer }}\n    patch: |-\n      \
         - {{ op: replace, path: /spec/acme/server, value: 'https://{AUTHORITY}:14000/dir' }}\n      \
         - {{ op: add, path: /spec/acme/caBundle, value: {known_by} }}\n"
    );
    fs::write(root()?.join(folder).join("kustomization.yaml"), patch)?;
    rendered(folder)
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

/// cert-manager by the script. It looks at a challenge again after a second instead of ten.
async fn install(folder: &Scratch) -> Result<()> {
    let values = folder.path("values.yaml");
    fs::write(&values, "extraArgs: [--dns01-check-retry-period=1s]\n")?;
    let mut command = Command::new(root()?.join("scripts/install-cert-manager.sh"));
    command.current_dir(root()?).env("CERT_MANAGER_CHART_VALUES", values);
    let words = said(command).await?;
    ensure!(words.contains("cert-manager: ready"), "{words}");
    let controller = objects(&["deployment/cert-manager", "-n", "cert-manager"]).await?;
    let image = &controller["spec"]["template"]["spec"]["containers"][0]["image"];
    let wanted = format!("quay.io/jetstack/cert-manager-controller:{}", version("github.com/cert-manager/cert-manager")?);
    ensure!(*image == wanted, "{image} runs, not {wanted}");
    Ok(())
}

/// Everything of this story away, in the order in which each can still be let go of. Namespaces go by themselves, and are waited for only before the story.
async fn clear(before: bool) -> Result<()> {
    let wait = format!("--wait={before}");
    let kinds = kubectl(&["get", "crd", "-o", "name"]).await?;
    let kinds: Vec<&str> = kinds.lines().filter(|kind| kind.ends_with("cert-manager.io")).collect();
    if !kinds.is_empty() {
        // A challenge is let go of by its controller.
        let theirs = "ingresses,certificates.cert-manager.io,orders.acme.cert-manager.io,challenges.acme.cert-manager.io";
        kubectl(&["delete", theirs, "--all", "-n", SPACE, "--timeout=60s"]).await?;
    }
    let mut helm = Command::new("helm");
    helm.args(["uninstall", "cert-manager", "--namespace", "cert-manager", "--ignore-not-found", "--wait=false"]);
    said(helm).await?;
    if !kinds.is_empty() {
        kubectl(&[&["delete", "--timeout=60s"], &kinds[..]].concat()).await?;
    }
    kubectl(&["delete", "clusterrole,clusterrolebinding", SPACE, "--ignore-not-found"]).await?;
    kubectl(&["delete", "namespace", SPACE, "cert-manager", "--ignore-not-found", &wait]).await.map(drop)
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
    let (installed, known_by) = tokio::join!(install(folder), prepare(folder));
    installed?;
    let all = overlay(&known_by?)?;
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

/// Seen red: `VersionTLS10` in ingress.yaml ("-tls1_1 is taken"), REDS
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
