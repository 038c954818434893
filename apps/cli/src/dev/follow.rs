//! `--logs`: what every part writes, each line with its part in front.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Prints new lines of every log in the folder until the task is dropped.
pub(crate) async fn folder(folder: PathBuf) {
    let mut read: BTreeMap<PathBuf, u64> = BTreeMap::new();
    loop {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "log") {
                let from = read.get(&path).copied().unwrap_or(0);
                // A log that cannot be read now is read at the next look.
                let to = print(&path, from).unwrap_or(from);
                read.insert(path, to);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Prints the whole lines from this offset on and returns where the next begins.
fn print(path: &Path, from: u64) -> std::io::Result<u64> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(1 << 20).read_to_end(&mut bytes)?;
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(from);
    };
    let part = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut out = std::io::stdout().lock();
    for line in String::from_utf8_lossy(&bytes[..end]).lines() {
        writeln!(out, "{part:<22} | {line}")?;
    }
    Ok(from + end as u64 + 1)
}
