//! A private PostgreSQL: its data folder, its process, and the roles of scripts/database.sql.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::secrets::{Kept, SCHEMAS};
use crate::tls::Tls;
use crate::tools;

/// Where the server's programs are and as whom it runs.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: PathBuf,
    data: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// Finds the programs and the user. The server refuses to run as root, so root hands it to the user `postgres`.
    pub fn find(run: &RunDir, port: u16) -> Result<Self> {
        let folder = tools::postgres_folder()?;
        if !geteuid().is_root() {
            return Ok(Self { folder, data: run.join("postgres"), user: None, port });
        }
        let Some(user) = User::from_name("postgres")? else {
            bail!(
                "PostgreSQL refuses to run as root and there is no user `postgres`: install the server's package, or run this as another user"
            );
        };
        Ok(Self { folder, data: data_folder(run)?, user: Some((user.uid.as_raw(), user.gid.as_raw())), port })
    }

    /// Whether the first start has to make a data folder.
    pub fn is_new(&self) -> bool {
        !self.data.join("PG_VERSION").exists()
    }

    /// Makes the data folder.
    pub async fn init(&self, password: &str) -> Result<()> {
        std::fs::create_dir_all(&self.data)?;
        // A start that was interrupted here leaves half a folder, which initdb refuses.
        for entry in std::fs::read_dir(&self.data)? {
            let path = entry?.path();
            if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
        }
        // Beside the data, where the server's user can walk to.
        let password_file = self.data.with_extension("password");
        crate::secrets::write_private(&password_file, password.as_bytes())?;
        if let Some((user, group)) = self.user {
            std::os::unix::fs::chown(&self.data, Some(user), Some(group))?;
            std::os::unix::fs::chown(&password_file, Some(user), Some(group))?;
        }
        let mut command = Command::new(self.folder.join("initdb"));
        command.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        command.arg(&self.data).arg("--pwfile").arg(&password_file).current_dir("/").stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        let made = parts::run(&mut command).await;
        let _ = std::fs::remove_file(password_file);
        made
    }

    /// The server itself; with a certificate, one that takes TLS only.
    pub fn program(&self, run: &RunDir, tls: Option<&Tls>) -> Result<Program> {
        let probe = Probe::Postgres { program: self.folder.join("pg_isready"), port: self.port };
        let mut args = vec!["-D".to_owned(), self.data.display().to_string(), "-p".to_owned(), self.port.to_string()];
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=340",
            "shared_buffers=128MB",
            "log_min_messages=warning",
        ];
        for setting in settings {
            args.extend(["-c".to_owned(), setting.to_owned()]);
        }
        if let Some(tls) = tls {
            for setting in self.secure(tls)? {
                args.extend(["-c".to_owned(), setting]);
            }
        }
        let mut program = parts::program(run, "postgres", &self.folder.join("postgres"), args, probe);
        program.user = self.user;
        program.folder = PathBuf::from("/");
        // Fast shutdown: sessions are ended, nothing is lost. SIGTERM would wait for every sidecar to let go.
        program.stop_signal = Signal::SIGINT;
        Ok(program)
    }

    /// Settings and files of a server that is reached as a managed one is. They stay in the data folder, unread by the other sets.
    fn secure(&self, tls: &Tls) -> Result<[String; 4]> {
        // The launcher prepares the database and tests look at it; whoever else comes without TLS is refused.
        let rules = "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        let files = [("tls.key", tls.key.as_str()), ("tls.crt", tls.certificate.as_str()), ("tls_hba.conf", rules)];
        for (name, content) in files {
            let path = self.data.join(name);
            crate::secrets::write_private(&path, content.as_bytes())?;
            if let Some((user, group)) = self.user {
                std::os::unix::fs::chown(&path, Some(user), Some(group))?;
            }
        }
        let rules = format!("hba_file={}", self.data.join("tls_hba.conf").display());
        Ok(["ssl=on".to_owned(), "ssl_cert_file=tls.crt".to_owned(), "ssl_key_file=tls.key".to_owned(), rules])
    }

    /// Makes database, roles and schemas; harmless when they exist.
    pub async fn set_up(&self, root: &Path, kept: &Kept) -> Result<()> {
        // By standard input: a command line, which would hold the passwords, is everyone's to read.
        let script = set_up_script(root, kept)?;
        let mut command = Command::new(self.folder.join("psql"));
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres", "-p"]).arg(self.port.to_string());
        command.arg("postgres").env("PGPASSWORD", kept.password("postgres")?).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("starting psql")?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(script.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("scripts/database.sql failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

/// `scripts/database.sql` after the passwords that it asks for.
pub(crate) fn set_up_script(root: &Path, kept: &Kept) -> Result<String> {
    let file = root.join("scripts/database.sql");
    let sql = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let mut script = String::new();
    for schema in SCHEMAS {
        let password = kept.password(&format!("database-{schema}"))?;
        script.push_str(&format!("\\set {schema}_password '{password}'\n"));
    }
    script.push_str(&sql);
    Ok(script)
}

/// The data folder: in the run directory, or beside it in /var/tmp when the user `postgres` cannot walk to it (a home of root).
fn data_folder(run: &RunDir) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let inside = run.join("postgres");
    let open = |folder: &Path| std::fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0);
    if run.path.ancestors().all(open) {
        return Ok(inside);
    }
    if let Ok(outside) = std::fs::read_link(&inside) {
        std::fs::create_dir_all(&outside)?;
        return Ok(outside);
    }
    let outside = PathBuf::from(format!("/var/tmp/outrigger-{}", crate::secrets::random_text()?));
    std::fs::create_dir_all(&outside)?;
    std::os::unix::fs::symlink(&outside, &inside).with_context(|| format!("making {}", inside.display()))?;
    Ok(outside)
}
