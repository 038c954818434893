//! What is on the broker: the messages themselves, before any app or sidecar has made something of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::suite::{Suite, set};

/// Every message of a topic that the broker still holds.
///
/// # Errors
/// When it cannot be read.
pub async fn messages(suite: &Suite, topic: &str) -> Result<Vec<Value>> {
    if set()?.broker() == "kafka" {
        let mut found = Vec::new();
        for partition in partitions(suite)?.into_iter().filter(|partition| topic_of(partition) == Some(topic)) {
            for segment in std::fs::read_dir(partition)? {
                let segment = segment?.path();
                if segment.extension().is_some_and(|ending| ending == "log") {
                    found.extend(records(&std::fs::read(segment)?));
                }
            }
        }
        return Ok(found);
    }
    let mut redis = redis(suite).await?;
    let entries: Vec<(String, BTreeMap<String, Vec<u8>>)> =
        redis::cmd("XRANGE").arg(topic).arg("-").arg("+").query_async(&mut redis).await?;
    entries.iter().map(|(_, fields)| Ok(serde_json::from_slice(fields.get("data").context("a message has data")?)?)).collect()
}

/// The topics that somebody made.
///
/// # Errors
/// When the broker cannot be read.
pub async fn topics(suite: &Suite) -> Result<BTreeSet<String>> {
    if set()?.broker() == "kafka" {
        let names = partitions(suite)?.into_iter().filter_map(|partition| topic_of(&partition).map(str::to_owned));
        // What it keeps for itself begins so.
        return Ok(names.filter(|name| !name.starts_with("__")).collect());
    }
    let mut redis = redis(suite).await?;
    let (mut cursor, mut found) = (0_u64, BTreeSet::new());
    loop {
        let scan = redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(1000).arg("TYPE").arg("stream").to_owned();
        let (next, names): (u64, Vec<String>) = scan.query_async(&mut redis).await?;
        found.extend(names);
        cursor = next;
        if cursor == 0 {
            return Ok(found);
        }
    }
}

async fn redis(suite: &Suite) -> Result<redis::aio::MultiplexedConnection> {
    Ok(redis::Client::open(suite.stack().redis_url())?.get_multiplexed_async_connection().await?)
}

/// The folders in which Kafka keeps its partitions, as `task-events-0`.
fn partitions(suite: &Suite) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(suite.stack().run_dir().join("kafka"))?;
    let folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(folders.into_iter().filter(|folder| folder.is_dir()).collect())
}

fn topic_of(partition: &Path) -> Option<&str> {
    partition.file_name()?.to_str()?.rsplit_once('-').map(|(topic, _)| topic)
}

/// Each whole JSON object in a segment: sidecars send their messages uncompressed, so there they stand as they were sent.
fn records(segment: &[u8]) -> Vec<Value> {
    let (mut found, mut rest) = (Vec::new(), segment);
    while let Some(start) = rest.iter().position(|byte| *byte == b'{') {
        rest = &rest[start..];
        let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        rest = match stream.next() {
            Some(Ok(value)) => {
                found.push(value);
                &rest[stream.byte_offset()..]
            }
            _ => &rest[1..],
        };
    }
    found
}
