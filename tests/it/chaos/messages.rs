//! Messages while every part is killed: each that was acknowledged is there, once, in its place, and so is its event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, eventually};
use uuid::Uuid;

use super::is_open;
use super::random::Random;

/// How long one message may take to be acknowledged, with all its repeats.
const ACKNOWLEDGED: Duration = Duration::from_secs(40);
/// A person's patience before they press the button again.
const AGAIN: Duration = Duration::from_millis(100);
/// Longest time between two messages of one person.
const THINK_MS: u64 = 500;

/// What must hold of a conversation: how many messages there are, and what is not as it should be.
const BOOKS: &str = "
select jsonb_build_object(
  'messages', count(*),
  'places with a gap or taken twice', max(m.sequence) - count(distinct m.sequence),
  'times that do not ascend', count(*) filter (where m.created_at <= m.before),
  'another last place', (select c.last_sequence from messaging.conversations c where c.id = $1) - count(*),
  'messages without their event', count(*) - (
    select count(distinct o.payload #>> '{message,id}') from messaging.outbox_events o
    where o.aggregate_id = $1 and o.topic = 'messages' and o.event_type = 'message.created'),
  'events of no message', (
    select count(*) from messaging.outbox_events o where o.aggregate_id = $1 and o.event_type = 'message.created'
      and not exists (select from messaging.messages x where x.id::text = o.payload #>> '{message,id}')),
  'events still to be published', (
    select count(*) from messaging.outbox_events o where o.aggregate_id = $1 and o.published_at is null),
  'messages that audit has not heard of once', count(*) - (
    select count(*) from audit.audit_logs a where a.entity_id = $1 and a.action = 'message.created'))
from (select *, lag(created_at) over (order by sequence) as before from messaging.messages where conversation_id = $1) m";

/// Somebody who talks to themselves until it is over.
pub struct Talk {
    conversation: Uuid,
    /// Messages that were acknowledged, with their places.
    said: Vec<(Uuid, i64)>,
}

impl Talk {
    /// Begins a conversation and says one thing after the other, each again and again until it is acknowledged.
    pub async fn of(person: Person, mut random: Random, over: Arc<AtomicBool>) -> Result<Self> {
        let begun = person.post("/v1/conversations", &json!({})).await?.is(201)?.json();
        let conversation: Uuid = serde_json::from_value(begun["id"].clone())?;
        let mut talk = Self { conversation, said: Vec::new() };
        while !over.load(Ordering::Relaxed) {
            let id = Uuid::now_v7();
            let accepted =
                say(&person, &json!({ "id": id, "conversation_id": conversation, "content": format!("{id}") })).await?;
            talk.said.push((id, accepted["sequence"].as_i64().context("a place")?));
            tokio::time::sleep(random.millis(THINK_MS)).await;
        }
        Ok(talk)
    }

    /// How much was said.
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Waits until the tables say the same, and nothing is on its way.
    pub async fn is_kept(&self, database: &Database, patience: Duration) -> Result<()> {
        let places: Vec<i64> = self.said.iter().map(|(_, place)| *place).collect();
        ensure!(places == (1..=i64::try_from(places.len())?).collect::<Vec<_>>(), "acknowledged in the places {places:?}");
        let sql = "select count(*) from messaging.messages where id = any ($1) and conversation_id = $2";
        let ids: Vec<Uuid> = self.said.iter().map(|(id, _)| *id).collect();
        let kept = database.count(sql, &[&ids, &self.conversation]).await?;
        ensure!(usize::try_from(kept)? == self.said.len(), "{kept} are there, {} were acknowledged", self.said.len());
        eventually("each message is there once, with its event and its row in the log", patience, async || {
            let mut books = database.json(BOOKS, &[&self.conversation]).await?;
            let messages = books.as_object_mut().and_then(|books| books.remove("messages"));
            ensure!(messages == Some(json!(self.said.len())), "{messages:?} messages, {} were acknowledged", self.said.len());
            let wrong: Vec<_> = books.as_object().into_iter().flatten().filter(|(_, count)| **count != 0).collect();
            ensure!(wrong.is_empty(), "{wrong:?}");
            Ok(Some(()))
        })
        .await
    }
}

/// Sends a message until it is acknowledged; what was asked may have been done before.
async fn say(person: &Person, message: &Value) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let answer = person.post("/v1/messages", message).await;
        match &answer {
            Ok(answer) if !is_open(answer.status) => {
                ensure!(matches!(answer.status.as_u16(), 200 | 202), "{}: {}", answer.status, answer.body);
                return Ok(answer.json());
            }
            _ => ensure!(begun.elapsed() < ACKNOWLEDGED, "a message was not acknowledged within {ACKNOWLEDGED:?}: {answer:?}"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
