//! Where the programs are that the stack starts, and what to do when one is missing.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The release of Dapr that everything here was tried with.
pub const DAPR_VERSION: &str = "1.18.2";

/// A program in PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A program in PATH, or an error that says how to get it.
pub(crate) fn need(name: &str, remedy: &str) -> Result<PathBuf> {
    match find(name) {
        Some(path) => Ok(path),
        None => {
            bail!("{name} is missing: {remedy}, or run scripts/run-local.sh, which installs it")
        }
    }
}

/// The folder with `initdb`, `postgres` and `psql`: the newest of Debian's, else what PATH or Homebrew has.
pub(crate) fn postgres_folder() -> Result<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        folders.push((version, entry.path().join("bin")));
    }
    folders.sort();
    let in_path = find("initdb").and_then(|file| file.parent().map(Path::to_path_buf));
    let mut all = folders.into_iter().rev().map(|(_, folder)| folder).chain(in_path);
    match all.find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file())) {
        Some(folder) => Ok(folder),
        None => bail!(
            "PostgreSQL is missing: install its server (Debian: postgresql, macOS: brew install postgresql@17), or run scripts/run-local.sh, which does"
        ),
    }
}

/// The sidecar.
pub(crate) fn daprd() -> Result<PathBuf> {
    dapr("daprd", "")
}

/// What keeps the sidecars' jobs.
pub(crate) fn scheduler() -> Result<PathBuf> {
    dapr("scheduler", " --jobs")
}

/// What scrapes metrics and knows alerts.
pub(crate) fn prometheus() -> Result<PathBuf> {
    need(
        "prometheus",
        "install it (Debian: prometheus, macOS: brew install prometheus), or let scripts/run-local.sh --monitoring do that",
    )
}

/// A program of Dapr: PATH, then where `dapr init` puts it, then the cache that scripts/run-local.sh fills.
fn dapr(name: &str, asked: &str) -> Result<PathBuf> {
    let home = std::env::home_dir();
    let candidates = [
        find(name),
        home.as_ref().map(|home| home.join(".dapr/bin").join(name)),
        Some(cache()?.join(format!("bin/{name}-{DAPR_VERSION}"))),
    ];
    match candidates.into_iter().flatten().find(|file| file.is_file()) {
        Some(file) => Ok(file),
        None => bail!(
            "{name} is missing: run `dapr init --slim` where there is internet, or scripts/run-local.sh{asked}, which builds it once"
        ),
    }
}

/// What is downloaded or built once for all checkouts.
pub(crate) fn cache() -> Result<PathBuf> {
    match std::env::home_dir() {
        Some(home) => Ok(home.join(".cache/outrigger")),
        None => bail!("HOME is not set, so there is no place for the cache"),
    }
}
