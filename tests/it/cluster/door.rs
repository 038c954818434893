//! What a cluster that people reach has before the suite comes: a real Traefik, a real cert-manager, and a real authority that speaks ACME. All of
//! it is there for one story at a time, the kinds of cert-manager too.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tests::cluster::{Cluster, kubectl, objects, said};
use tests::recorder::Scratch;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::tools::{fed, stream};
use crate::workspace::root;

/// Where it is.
pub(super) const SPACE: &str = "outrigger-tls";
/// The service's own name: cert-manager and the authority ask there, as they ask a real host.
pub(super) const HOST: &str = "traefik.outrigger-tls.svc.cluster.local";
/// Whom the authority writes to.
pub(super) const MAIL: &str = "admin@example.org";
const AUTHORITY: &str = "pebble.outrigger-tls.svc.cluster.local";
/// What the chart of `scripts/install-traefik.sh` runs.
const TRAEFIK: &str = "traefik:v3.6.12";

/// The way in from this machine.
pub(super) struct Door {
    address: IpAddr,
    web: u16,
    websecure: u16,
    /// The file with the certificate of the authority's authority.
    authority: PathBuf,
}

/// Who is served, by which certificate.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) serial: String,
    pub(super) words: String,
}

impl Door {
    pub(super) async fn find(folder: &Scratch) -> Result<Self> {
        let service = objects(&["service", "traefik", "-n", SPACE]).await?;
        let ports = service["spec"]["ports"].as_array().context("ports")?;
        let port = |name: &str| {
            let port = ports.iter().find(|port| port["name"] == name).and_then(|port| port["nodePort"].as_u64());
            Ok::<_, anyhow::Error>(u16::try_from(port.with_context(|| format!("{name}: {service}"))?)?)
        };
        let path = format!("/api/v1/namespaces/{SPACE}/services/https:pebble:management/proxy/roots/0");
        let authority = folder.path("authority.pem");
        fs::write(&authority, kubectl(&["get", "--raw", &path]).await?)?;
        let address = Cluster::find().await?.ingress.ip();
        Ok(Self { address, web: port("web")?, websecure: port("websecure")?, authority })
    }

    /// A handshake by one version of TLS. The certificate has to be of the authority, for the host, and in its time.
    pub(super) async fn handshake(&self, version: &str) -> Result<Served> {
        let (address, authority) = (format!("{}:{}", self.address, self.websecure), self.authority.display().to_string());
        let ask = ["s_client", version, "-connect", &address, "-servername", HOST, "-CAfile", &authority];
        // Old versions need the old strength, or this side refuses before it has asked.
        let verify = ["-verify_return_error", "-verify_hostname", HOST, "-cipher", "DEFAULT:@SECLEVEL=0"];
        let words = fed("openssl", &[&ask[..], &verify].concat(), "").await?;
        ensure!(words.contains("Verify return code: 0 (ok)"), "{words}");
        let serial = fed("openssl", &["x509", "-noout", "-serial"], &words).await?;
        Ok(Served { serial, words })
    }

    /// The settings by which any curl finds the host here, and believes the authority.
    pub(super) fn curlrc(&self) -> String {
        let Self { address, web, websecure, authority } = self;
        let to = [(80, web), (443, websecure)].map(|(port, here)| format!("connect-to = \"{HOST}:{port}:{address}:{here}\"\n"));
        format!("{}cacert = \"{}\"\n", to.concat(), authority.display())
    }

    /// What curl says of a request at a path, of one of the two entry points.
    pub(super) async fn curl(&self, scheme: &str, path: &str, more: &[&str]) -> Result<String> {
        let port = if scheme == "https" { self.websecure } else { self.web };
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "10", "--resolve", &format!("{HOST}:{port}:{}", self.address)]);
        command.arg("--cacert").arg(&self.authority).args(more).arg(format!("{scheme}://{HOST}:{port}{path}"));
        said(command).await
    }
}

/// HOST and MAIL as `scripts/deploy-cloud.sh` replaces them.
pub(super) async fn placed(objects: &[Value]) -> Result<String> {
    fed("sed", &["-e", &format!(r"s|\bHOST\b|{HOST}|g"), "-e", &format!(r"s|\bMAIL\b|{MAIL}|g")], &stream(objects)).await
}

pub(super) async fn apply(text: &str, more: &[&str]) -> Result<String> {
    let arguments = [&["apply", "--server-side", "--force-conflicts", "-f", "-"], more].concat();
    fed("kubectl", &arguments, text).await
}

/// The version that certificates are tested with, of a module.
pub(super) fn version(module: &str) -> Result<String> {
    let text = fs::read_to_string(root()?.join("scripts/certificates/go.mod"))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = words.windows(2).find(|pair| pair[0] == module && pair[1].starts_with('v'));
    Ok(place.with_context(|| module.to_owned())?[1].to_owned())
}

/// Another authority than the overlay names: its address, and the certificate by which it is known.
pub(super) struct Authority {
    /// Where it is asked.
    pub(super) server: String,
    /// As an issuer takes it.
    pub(super) known_by: String,
}

/// Traefik, which looks for what is asked of it in one namespace, and the authority, whose certificates hold so long.
pub(super) async fn open(folder: &Scratch, suite: &str, holds: Duration) -> Result<Authority> {
    let names = format!("DNS:{AUTHORITY}");
    let (key, certificate) = certificate(folder, "authority", &names).await?;
    let known_by = BASE64_STANDARD.encode(&certificate);
    let mut text = include_str!("door.yaml").to_owned();
    for (word, value) in [
        ("SPACE", SPACE.to_owned()),
        ("SUITE", suite.to_owned()),
        ("TRAEFIK", TRAEFIK.to_owned()),
        ("PEBBLE", format!("ghcr.io/letsencrypt/pebble:{}", version("github.com/letsencrypt/pebble/v2")?)),
        ("SECONDS", holds.as_secs().to_string()),
        ("CERTIFICATE", known_by.clone()),
        ("KEY", BASE64_STANDARD.encode(key)),
    ] {
        text = text.replace(&format!("@{word}@"), &value);
    }
    apply(&text, &[]).await?;
    for part in ["deployment/traefik", "deployment/pebble"] {
        kubectl(&["rollout", "status", part, "-n", SPACE, "--timeout=120s"]).await?;
    }
    Ok(Authority { server: format!("https://{AUTHORITY}:14000/dir"), known_by })
}

/// A key and a certificate that is its own authority, for these names.
pub(super) async fn certificate(folder: &Scratch, subject: &str, names: &str) -> Result<(String, String)> {
    let (key, certificate) = (folder.path(&format!("{subject}.key")), folder.path(&format!("{subject}.crt")));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    command.args(["-subj", &format!("/CN={subject}"), "-addext", &format!("subjectAltName={names}")]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    said(command).await?;
    Ok((fs::read_to_string(key)?, fs::read_to_string(certificate)?))
}

impl Authority {
    /// An overlay, made in a folder of this clone, that is another one with this authority: that, what `more` patches, and nothing else.
    pub(super) fn overlay(&self, folder: &str, of: &str, more: &str) -> Result<()> {
        let path = root()?.join(folder);
        fs::create_dir_all(&path)?;
        let up = "../".repeat(folder.split('/').count());
        let Self { server, known_by } = self;
        let text = format!(
            "resources: [{up}{of}]\npatches:\n  - target: {{ kind: ClusterIssuer }}\n    patch: |-\n      \
             - {{ op: replace, path: /spec/acme/server, value: '{server}' }}\n      \
             - {{ op: add, path: /spec/acme/caBundle, value: {known_by} }}\n{more}"
        );
        Ok(fs::write(path.join("kustomization.yaml"), text)?)
    }
}

/// cert-manager by the script. It looks at a challenge again after a second instead of ten.
pub(super) async fn install(folder: &Scratch) -> Result<()> {
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

/// All of it away. Namespaces go by themselves, and are waited for only before the story.
pub(super) async fn clear(before: bool) -> Result<()> {
    let wait = format!("--wait={before}");
    let mut helm = Command::new("helm");
    helm.args(["uninstall", "cert-manager", "--namespace", "cert-manager", "--ignore-not-found", "--wait=false"]);
    said(helm).await?;
    let kinds = kubectl(&["get", "crd", "-o", "name"]).await?;
    let kinds: Vec<&str> = kinds.lines().filter(|kind| kind.ends_with("cert-manager.io")).collect();
    if !kinds.is_empty() {
        // Only its controller lets go of a challenge, and may have ended before it did; what it would tidy up goes with the namespace.
        for challenge in kubectl(&["get", "challenges", "-n", SPACE, "-o", "name"]).await?.lines() {
            let free = ["patch", challenge, "-n", SPACE, "--type=merge", "--patch", r#"{"metadata":{"finalizers":null}}"#];
            // Gone meanwhile is as good: that its kind can be deleted says which it was.
            drop(kubectl(&free).await);
        }
        kubectl(&[&["delete", "--timeout=60s"], &kinds[..]].concat()).await?;
    }
    kubectl(&["delete", "clusterrole,clusterrolebinding", SPACE, "--ignore-not-found"]).await?;
    kubectl(&["delete", "namespace", SPACE, "cert-manager", "--ignore-not-found", &wait]).await.map(drop)
}

/// A way in for who does not speak TLS: each connection goes on as one of `openssl s_client`, which believes the story's authority alone.
pub(super) struct Tunnel {
    /// Where it begins.
    pub(super) address: SocketAddr,
    accepts: JoinHandle<()>,
}

impl Tunnel {
    pub(super) async fn open(door: &Door) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (to, authority) = (format!("{}:{}", door.address, door.websecure), door.authority.clone());
        let accepts = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut command = Command::new("openssl");
                command.args(["s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-verify_hostname", HOST]);
                command.args(["-servername", HOST, "-connect", &to, "-CAfile"]).arg(&authority);
                tokio::spawn(carry(stream, command));
            }
        });
        Ok(Self { address, accepts })
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// Until one of the two ends. Whoever asked sees that the connection ended.
async fn carry(mut stream: TcpStream, mut command: Command) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let (mut to, mut from) = (child.stdin.take().context("its input")?, child.stdout.take().context("its output")?);
    let (mut asks, mut hears) = stream.split();
    tokio::select! {
        ended = tokio::io::copy(&mut asks, &mut to) => ended?,
        ended = tokio::io::copy(&mut from, &mut hears) => ended?,
    };
    Ok(())
}
