//! A lane sends the waiting messages of one channel, one after the other, and records each attempt before and after.
//!
//! One at a time within a lane, because daprd's SMTP component keeps the recipient of the request in hand in a place that all requests
//! share: two mails sent at once could reach each other's address. Lanes do not wait for each other, so a slow server holds up its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use service::Clock;
use sidecar::{Context, Sidecar, Trace};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::announce::{self, Told};
use crate::attempt::{self, Failed, MAX_ATTEMPTS};
use crate::channel::Channel;
use crate::metrics::Metrics;
use crate::store::{Settlement, Store, Waiting};
use crate::text::{self, Text};

/// How often a lane looks without being woken: another instance may have died, or a wait may be over.
const EVERY: Duration = Duration::from_millis(500);
/// Messages of one look.
const BATCH: usize = 20;
/// How often the record of an outcome is tried, half a second apart: what was sent must be remembered.
const SETTLE_ROUNDS: u32 = 10;

/// One channel's lane.
#[derive(Clone)]
pub struct Lane {
    /// `email` or `sms`.
    pub channel: Channel,
    /// Every statement.
    pub store: Store,
    /// The way out.
    pub sidecar: Sidecar,
    /// Where links begin.
    pub public_url: Arc<str>,
    /// Counts.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
    /// Rings when there is something to send.
    pub waiting: Arc<Notify>,
}

impl Lane {
    /// Runs until `stop`.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Uuid::new_v4();
        while !*stop.borrow() {
            match self.pass(worker, &stop).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(channel = %self.channel, %error, "waiting messages could not be read; it is tried again")
                }
            }
            tokio::select! {
                () = self.waiting.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Sends what waits; gives how many attempts were made.
    async fn pass(&self, worker: Uuid, stop: &watch::Receiver<bool>) -> sidecar::Result<usize> {
        let mut attempts = 0;
        for waiting in self.store.to_send(self.channel, BATCH).await? {
            if *stop.borrow() {
                break;
            }
            attempts += usize::from(sidecar::trace::within(story_of(&waiting), self.attempt(&waiting, worker)).await?);
        }
        Ok(attempts)
    }

    /// One attempt; false when another instance makes it.
    async fn attempt(&self, waiting: &Waiting, worker: Uuid) -> sidecar::Result<bool> {
        if waiting.attempts >= MAX_ATTEMPTS {
            // The last attempt died before it could say how it went.
            let silent = Failed { error: "the last attempt did not report".into(), is_permanent: false };
            self.settle(waiting, waiting.attempts, Err(silent)).await?;
            return Ok(true);
        }
        if self.store.begin(waiting, worker).await? == 0 {
            return Ok(false);
        }
        let sent = self.send(waiting).await.map_err(|error| Failed::of(self.channel, &error));
        self.settle(waiting, waiting.attempts + 1, sent).await?;
        Ok(true)
    }

    /// Hands the message to the component of the channel.
    async fn send(&self, waiting: &Waiting) -> sidecar::Result<()> {
        let link = text::link(&self.public_url, waiting.task_id);
        let words = Text { reminder_id: waiting.reminder_id, title: &waiting.title, body: &waiting.body, link: &link };
        let (metadata, data) = match self.channel {
            Channel::Sms => {
                // Twilio reads the one, an HTTP receiver gets the other as a header.
                let to = [
                    ("toNumber", waiting.recipient.clone()),
                    ("To", waiting.recipient.clone()),
                    ("Content-Type", "text/plain; charset=utf-8".to_owned()),
                ];
                (to.to_vec(), words.message())
            }
            Channel::Email | Channel::InApp => {
                let head = [("emailTo", waiting.recipient.clone()), ("subject", words.subject())];
                (head.to_vec(), words.html())
            }
        };
        let metadata: HashMap<String, String> = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.sidecar.binding(self.channel.name(), "create", metadata, Bytes::from(data)).await.map(drop)
    }

    /// Records how an attempt ended.
    async fn settle(&self, waiting: &Waiting, attempt: i32, result: Result<(), Failed>) -> sidecar::Result<()> {
        let now = self.clock.now();
        let Waiting { id, reminder_id, task_id, user_id, tenant_id, sequence, .. } = *waiting;
        let (delivered, failed) = announce::either_end(Told { reminder_id, task_id, user_id, tenant_id, sequence }, now)?;
        let (outcome, is_final, error) = match result {
            Ok(()) => ("sent", true, None),
            Err(failure) => (
                if failure.is_permanent { "refused" } else { "failed" },
                attempt::is_last(attempt, &failure),
                Some(failure.error),
            ),
        };
        let wait_seconds = attempt::wait(attempt, chance()).as_secs_f64();
        let lateness_ms = (now - waiting.remind_at).num_milliseconds();
        let channel = self.channel;
        match &error {
            None => {
                tracing::info!(%user_id, %task_id, %reminder_id, %channel, outcome, attempt, lateness_ms, "a reminder is told")
            }
            Some(error) => {
                tracing::warn!(%user_id, %task_id, %reminder_id, %channel, outcome, attempt, is_final, lateness_ms, error, "a reminder could not be told")
            }
        }
        let settlement = Settlement { id, attempt, outcome, is_final, error, wait_seconds, now, delivered, failed };
        let mut rounds = 0;
        // An attempt without an outcome is made again when its claim ends.
        while let Err(error) = self.store.settle(&settlement).await {
            rounds += 1;
            if rounds >= SETTLE_ROUNDS || !error.is_unavailable() {
                return Err(error);
            }
            tokio::time::sleep(EVERY).await;
        }
        if is_final {
            self.metrics.done(channel, outcome);
        }
        Ok(())
    }
}

/// The story of the request that set the reminder.
fn story_of(waiting: &Waiting) -> Context {
    let mut context = Context::unrecorded();
    if let Some(trace) = waiting.traceparent.as_deref().and_then(Trace::parse) {
        context.trace = trace;
    }
    context.correlation_id = waiting.correlation_id.as_str().into();
    context.cause = Some(waiting.event_id);
    context
}

/// A number from 0 to 1: the random bits of a version 4 UUID.
fn chance() -> f64 {
    let (_, low) = Uuid::new_v4().as_u64_pair();
    f64::from((low & 0xffff) as u16) / f64::from(u16::MAX)
}
