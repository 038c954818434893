//! The programs a stack is made of, one file each: how it is prepared, started and asked.

pub(crate) mod app;
pub(crate) mod daprd;
pub(crate) mod kafka;
pub(crate) mod postgres;
pub(crate) mod prometheus;
pub(crate) mod redis;
pub(crate) mod scheduler;
pub(crate) mod zipkin;

use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::part::Program;
use crate::probe::Probe;
use crate::run_dir::RunDir;

/// A program with nothing special about it; the callers change what is.
pub(crate) fn program(run: &RunDir, name: &str, path: &Path, args: Vec<String>, probe: Probe) -> Program {
    Program {
        name: name.to_owned(),
        path: path.to_path_buf(),
        args,
        env: Vec::new(),
        without: Vec::new(),
        folder: run.path.clone(),
        user: None,
        log: run.join(&format!("logs/{name}.log")),
        pid_file: run.join(&format!("pids/{name}")),
        probe,
        stop_signal: nix::sys::signal::Signal::SIGTERM,
    }
}

/// Runs a program to its end; its own words are the error.
pub(crate) async fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{:?}", command.as_std().get_program());
    let output = command.kill_on_drop(true).output().await.with_context(|| format!("starting {shown}"))?;
    if !output.status.success() {
        bail!(
            "{shown} failed ({}): {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
