//! `.run/secrets.json`: what the component `secretstore` gives to sidecars. Made once, kept, and its addresses renewed at each start.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::parts::kafka;
use crate::ports::Address;
use crate::tls::Tls;

/// Secrets by name, each a set of keys: the form that `local.file` reads with `multiValued`.
pub type Secrets = BTreeMap<String, BTreeMap<String, String>>;

/// The schemas of `scripts/database.sql`: one an app that owns data, and the state store's.
pub(crate) const SCHEMAS: [&str; 7] = ["identity", "tasks", "reminders", "notifications", "messaging", "audit", "state"];

/// The command line signs in as an app does.
const CLI: &str = "cli";

/// The servers that secrets name.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub postgres: Address,
    pub redis: Address,
    /// Each broker's; in the cloud set the port that asks for a password.
    pub kafka: String,
    pub smtp: Address,
    pub inbox: Address,
}

/// What never changes once made: passwords and keys, kept apart from the addresses that change with every start.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Kept {
    #[serde(default)]
    pub passwords: BTreeMap<String, String>,
    #[serde(default)]
    pub private_key: String,
    #[serde(default)]
    pub public_key: String,
}

impl Kept {
    /// Reads what an earlier run made and makes what is missing.
    pub fn load(path: &Path, apps: &[String]) -> Result<Self> {
        let mut kept: Self = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} cannot be read; remove its folder to begin with empty data", path.display()))?,
            Err(_) => Self::default(),
        };
        let roles = SCHEMAS.iter().map(|schema| format!("database-{schema}"));
        let clients = apps.iter().map(String::as_str).chain([CLI]).map(|app| format!("client-{app}"));
        let parts = ["postgres", "redis", "kafka", "smtp", "twilio"].map(str::to_owned);
        for name in roles.chain(clients).chain(parts) {
            if let Entry::Vacant(place) = kept.passwords.entry(name) {
                place.insert(random_text()?);
            }
        }
        if kept.private_key.is_empty() {
            let failed = |_| anyhow!("no RSA key could be made");
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
            kept.private_key = pem("PRIVATE KEY", private.as_ref());
            kept.public_key = pem("PUBLIC KEY", public.as_ref());
        }
        write_private(path, &serde_json::to_vec_pretty(&kept)?)?;
        Ok(kept)
    }

    /// A password that `load` made.
    pub fn password(&self, name: &str) -> Result<&str> {
        self.passwords.get(name).map(String::as_str).with_context(|| format!("no password was made for {name}"))
    }

    /// The secrets as the sidecars see them. With a certificate, the servers are those of the cloud set.
    pub fn render(&self, at: &Addresses, tls: Option<&Tls>) -> Result<Secrets> {
        let mut secrets = Secrets::new();
        // The path is as the component `secretstore` names its file.
        let mode = if tls.is_some() { "verify-full&sslrootcert=.run/tls.crt" } else { "disable" };
        for schema in SCHEMAS {
            let password = self.password(&format!("database-{schema}"))?;
            let url = format!("postgres://{schema}:{password}@{}/outrigger?sslmode={mode}", at.postgres);
            secrets.insert(format!("outrigger-db-{schema}"), keys([("url", url)]));
        }
        let clients: BTreeMap<String, String> = self
            .passwords
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("client-")?.to_owned(), value.clone())))
            .collect();
        // Each app reads its own; identity reads them all, to know who comes.
        let own = clients.iter().map(|(app, secret)| (format!("outrigger-client-{app}"), keys([("secret", secret.clone())])));
        let own: Secrets = own.collect();
        secrets.extend([
            (
                "outrigger-redis".to_owned(),
                keys([("host", at.redis.to_string()), ("password", self.password("redis")?.to_owned())]),
            ),
            ("outrigger-kafka".to_owned(), self.kafka(&at.kafka, tls)?),
            (
                "outrigger-jwt".to_owned(),
                keys([("private-key", self.private_key.clone()), ("public-key", self.public_key.clone())]),
            ),
            ("outrigger-clients".to_owned(), clients),
            (
                "outrigger-smtp".to_owned(),
                keys([
                    ("host", at.smtp.host.to_owned()),
                    ("port", at.smtp.port.to_string()),
                    ("user", "outrigger".to_owned()),
                    ("password", self.password("smtp")?.to_owned()),
                    ("from", "reminders@outrigger.example".to_owned()),
                ]),
            ),
            (
                "outrigger-sms".to_owned(),
                keys([
                    ("url", format!("http://{}/sms", at.inbox)),
                    ("from", "+15550100".to_owned()),
                    // An account that nobody has: Twilio refuses it, and nothing is billed.
                    ("account", format!("AC{}", "0".repeat(32))),
                    ("token", self.password("twilio")?.to_owned()),
                ]),
            ),
        ]);
        secrets.extend(own);
        Ok(secrets)
    }

    fn kafka(&self, brokers: &str, tls: Option<&Tls>) -> Result<BTreeMap<String, String>> {
        let (user, password, ca) = match tls {
            Some(tls) => (kafka::USER, self.password("kafka")?, tls.certificate.as_str()),
            // The broker of the other sets knows no users; the keys stand for the cloud's.
            None => ("", "", ""),
        };
        let brokers = ("brokers", brokers.to_owned());
        Ok(keys([brokers, ("user", user.to_owned()), ("password", password.to_owned()), ("ca", ca.to_owned())]))
    }
}

fn keys<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// 256 random bits that need no escaping in a URL, a shell or SQL.
pub(crate) fn random_text() -> Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(content));
    written.with_context(|| format!("writing {}", path.display()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {label}-----")];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = next;
    }
    lines.push(format!("-----END {label}-----\n"));
    lines.join("\n")
}
