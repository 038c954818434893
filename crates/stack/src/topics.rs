//! Makes the topics before any sidecar starts, in Kafka's own protocol: a Java tool would take seconds for each.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// daprd hands one event of a partition at a time to its app, so this is how many an app handles at once (docs/decisions/topics.md).
const PARTITIONS: i32 = 12;
const ALREADY_EXISTS: i16 = 36;
/// A broker drops whole segments only, so news are written to a new one every minute.
const NEWS_SEGMENT_MS: &str = "60000";

/// One topic, as it is made.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many events of it an app handles at once.
    pub partitions: i32,
    /// How many brokers have it.
    pub replicas: i16,
    /// What differs from the broker's own settings.
    pub settings: BTreeMap<String, String>,
}

/// Creates every topic of the suite, with its dead letters, on this Kafka; those that exist are left as they are.
///
/// # Errors
/// When it cannot be reached or refuses one.
pub async fn create_all(host: &str, port: u16) -> Result<()> {
    create(host, port, &all()).await
}

/// The topics of the suite for a single broker.
pub(crate) fn all() -> Vec<Topic> {
    let names = contracts::topic::ALL.iter().flat_map(|topic| [(*topic).to_owned(), contracts::topic::dead_letters_of(topic)]);
    names.map(|name| Topic { settings: settings(&name), name, partitions: PARTITIONS, replicas: 1 }).collect()
}

/// Creates what is missing; an existing topic is left as it is.
pub(crate) async fn create(host: &str, port: u16, topics: &[Topic]) -> Result<()> {
    let mut stream = TcpStream::connect((host, port)).await.context("reaching Kafka to create the topics")?;
    let request = request(topics)?;
    stream.write_all(&request).await?;
    let length = stream.read_i32().await?;
    let mut answer = vec![0; usize::try_from(length)?];
    stream.read_exact(&mut answer).await?;
    for (topic, code) in answers(&answer).context("Kafka's answer about the topics cannot be read")? {
        if code != 0 && code != ALREADY_EXISTS {
            bail!("Kafka refuses to create the topic {topic} (error code {code}, see logs/kafka.log)");
        }
    }
    Ok(())
}

/// CreateTopics, version 2: the oldest that Kafka 4 speaks, and the last without compact encoding.
fn request(topics: &[Topic]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    body.extend(19_i16.to_be_bytes());
    body.extend(2_i16.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    text(&mut body, "outrigger")?;
    body.extend(i32::try_from(topics.len())?.to_be_bytes());
    for topic in topics {
        text(&mut body, &topic.name)?;
        body.extend(topic.partitions.to_be_bytes());
        body.extend(topic.replicas.to_be_bytes());
        // No assignments.
        body.extend(0_i32.to_be_bytes());
        body.extend(i32::try_from(topic.settings.len())?.to_be_bytes());
        for (name, value) in &topic.settings {
            text(&mut body, name)?;
            text(&mut body, value)?;
        }
    }
    body.extend(15_000_i32.to_be_bytes());
    body.push(0);
    let mut whole = i32::try_from(body.len())?.to_be_bytes().to_vec();
    whole.append(&mut body);
    Ok(whole)
}

/// What differs from the broker's own settings: a fresh reader of news begins at the oldest there is, so that is kept short.
fn settings(topic: &str) -> BTreeMap<String, String> {
    if contracts::topic::component(topic) != contracts::topic::FANOUT {
        return BTreeMap::new();
    }
    let kept = contracts::topic::NEWS_KEPT.as_millis().to_string();
    BTreeMap::from([("retention.ms".to_owned(), kept), ("segment.ms".to_owned(), NEWS_SEGMENT_MS.to_owned())])
}

fn text(bytes: &mut Vec<u8>, value: &str) -> Result<()> {
    bytes.extend(i16::try_from(value.len())?.to_be_bytes());
    bytes.extend(value.as_bytes());
    Ok(())
}

/// Topic and error code of each result; `None` when the answer is cut off.
fn answers(mut bytes: &[u8]) -> Option<Vec<(String, i16)>> {
    // Correlation id and throttle time say nothing here.
    take(&mut bytes, 8)?;
    let count = i32::from_be_bytes(take(&mut bytes, 4)?.try_into().ok()?);
    let mut found = Vec::new();
    for _ in 0..count {
        let length = i16::from_be_bytes(take(&mut bytes, 2)?.try_into().ok()?);
        let topic = String::from_utf8_lossy(take(&mut bytes, usize::try_from(length).ok()?)?).into_owned();
        let code = i16::from_be_bytes(take(&mut bytes, 2)?.try_into().ok()?);
        let message = i16::from_be_bytes(take(&mut bytes, 2)?.try_into().ok()?);
        // An absent message has the length -1.
        take(&mut bytes, usize::try_from(message).unwrap_or(0))?;
        found.push((topic, code));
    }
    Some(found)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}
