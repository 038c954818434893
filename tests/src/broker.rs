//! What is on the broker: the messages themselves, before any app or sidecar has made something of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::suite::{Suite, set};

/// What was read of one topic, and how far.
#[derive(Default)]
struct Read {
    /// On Redis the last entry.
    last: Option<String>,
    /// In each file of Kafka the first byte that was not read.
    files: BTreeMap<PathBuf, usize>,
    found: Vec<Arc<Stood>>,
}

/// A message, and where it stood.
pub struct Stood {
    /// Its partition, where the broker has such.
    pub partition: Option<String>,
    /// The whole of it.
    pub message: Value,
}

/// By run directory and topic: many stories ask, and each message is read once a run.
static READ: Mutex<BTreeMap<(PathBuf, String), Read>> = Mutex::const_new(BTreeMap::new());

/// Every message that stood on a topic, in the order of each partition.
///
/// # Errors
/// When it cannot be read.
pub async fn messages(suite: &Suite, topic: &str) -> Result<Vec<Arc<Stood>>> {
    let mut all = READ.lock().await;
    let read = all.entry((suite.stack().run_dir().to_owned(), topic.to_owned())).or_default();
    if set()?.broker() == "kafka" {
        read.segments(suite, topic)?
    } else {
        read.stream(suite, topic).await?
    }
    Ok(read.found.clone())
}

impl Read {
    async fn stream(&mut self, suite: &Suite, topic: &str) -> Result<()> {
        let after = self.last.as_ref().map_or("-".to_owned(), |last| format!("({last}"));
        let entries: Vec<(String, BTreeMap<String, Vec<u8>>)> =
            redis::cmd("XRANGE").arg(topic).arg(after).arg("+").query_async(&mut redis(suite).await?).await?;
        for (entry, fields) in entries {
            let message = serde_json::from_slice(fields.get("data").context("a message has data")?)?;
            self.found.push(Arc::new(Stood { partition: None, message }));
            self.last = Some(entry);
        }
        Ok(())
    }

    fn segments(&mut self, suite: &Suite, topic: &str) -> Result<()> {
        for partition in partitions(suite)?.into_iter().filter(|partition| topic_of(partition) == Some(topic)) {
            let name = partition.file_name().map(|name| name.to_string_lossy().into_owned());
            for segment in std::fs::read_dir(partition)? {
                let segment = segment?.path();
                if segment.extension().is_none_or(|ending| ending != "log") {
                    continue;
                }
                let bytes = match std::fs::read(&segment) {
                    Ok(bytes) => bytes,
                    // Too old to be kept.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error).context(segment.display().to_string()),
                };
                let read = self.files.entry(segment).or_default();
                while let Some(batch) = batch(&bytes[*read..]) {
                    *read += batch.len();
                    let found = records(batch).into_iter();
                    self.found.extend(found.map(|message| Arc::new(Stood { partition: name.clone(), message })));
                }
            }
        }
        Ok(())
    }
}

/// The first batch of records, once it is written whole: its offset, its length, and as many bytes.
fn batch(bytes: &[u8]) -> Option<&[u8]> {
    let length: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    bytes.get(..12 + length)
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
    // Where it knows users it has a folder of its own.
    let data = ["kafka-secured", "kafka"].map(|name| suite.stack().run_dir().join(name)).into_iter().find(|data| data.is_dir());
    let entries = std::fs::read_dir(data.context("Kafka has a data folder")?)?;
    let folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(folders.into_iter().filter(|folder| folder.is_dir()).collect())
}

fn topic_of(partition: &Path) -> Option<&str> {
    partition.file_name()?.to_str()?.rsplit_once('-').map(|(topic, _)| topic)
}

/// Each whole JSON object in a batch: sidecars send their messages uncompressed, so there they stand as they were sent.
fn records(batch: &[u8]) -> Vec<Value> {
    let (mut found, mut rest) = (Vec::new(), batch);
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
