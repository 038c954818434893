//! Programs of this machine that a story calls, and objects that it applies.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a program says that reads this.
pub(super) async fn fed(program: &str, arguments: &[&str], text: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    child.stdin.take().context("its input")?.write_all(text.as_bytes()).await?;
    let output = child.wait_with_output().await?;
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{program} {arguments:?}: {words}");
    Ok(words)
}

/// As documents of one stream.
pub(super) fn stream(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n---\n")).collect()
}
