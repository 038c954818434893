//! The certificate of the cloud set's servers: made once and kept, good for the loopback address only, and its own authority.

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::run_dir::RunDir;
use crate::secrets::write_private;
use crate::{parts, tools};

/// A key and its certificate, both PEM.
#[derive(Debug)]
pub(crate) struct Tls {
    pub key: String,
    pub certificate: String,
}

impl Tls {
    /// Reads what an earlier run made, or makes it.
    pub async fn load(run: &RunDir) -> Result<Self> {
        let (key, certificate) = (run.join("tls.key"), run.join("tls.crt"));
        if !certificate.exists() {
            // PostgreSQL's package brings it on Debian, and macOS has it.
            let openssl = tools::need("openssl", "install it (Debian: openssl)")?;
            // There before it is filled: not every openssl makes a key that only its owner can read.
            write_private(&key, b"")?;
            let mut command = Command::new(openssl);
            command.args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "3650",
            ]);
            command.args(["-subj", "/CN=outrigger", "-addext", "subjectAltName=IP:127.0.0.1"]);
            command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
            parts::run(&mut command).await.context("making a certificate")?;
        }
        let read =
            |path| std::fs::read_to_string(path).with_context(|| format!("reading the certificate of {}", run.path.display()));
        Ok(Self { key: read(key)?, certificate: read(certificate)? })
    }
}
