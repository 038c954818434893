//! What arrives: changes of tasks, and how deliveries ended.

use chrono::{DateTime, Utc};
use contracts::reminder::ReminderEvent;
use contracts::task::TaskEvent;
use contracts::topic::{REMINDERS, TASK_EVENTS};
use futures::future::BoxFuture;
use service::Clock;
use service::subscribe::{Delivery, Effect, Failure, Subscriber};

use crate::metrics::Metrics;
use crate::plan::plan;
use crate::reminder::{DeliveryStatus, Schedule};
use crate::store::{self, Outcome, Pursuit, Store, Story};

/// How often a lost race is run again before the event waits for its next delivery.
const ROUNDS: u32 = 5;

/// Handles the app's events.
pub struct Events {
    /// Every statement.
    pub store: Store,
    /// Counts.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
}

/// How a delivery ended; the app's other events tell it nothing.
const ENDED: [&str; 2] = ["reminder.delivered", "reminder.failed"];

impl Subscriber for Events {
    fn concerns(&self, delivery: &Delivery) -> bool {
        delivery.topic != REMINDERS || ENDED.contains(&delivery.cloud.event_type.as_str())
    }

    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        Box::pin(async move {
            match delivery.topic.as_str() {
                TASK_EVENTS => self.follow(delivery).await,
                REMINDERS => self.conclude(delivery).await,
                _ => Ok(Effect::Ignored),
            }
        })
    }
}

impl Events {
    /// A task changed: its reminders follow.
    async fn follow(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<TaskEvent>()?;
        let Some(after) = Schedule::of(&event) else { return Ok(Effect::Ignored) };
        let story = Story {
            event_id: event.event_id,
            topic: TASK_EVENTS,
            traceparent: event.metadata.traceparent.as_deref(),
            correlation_id: &event.metadata.correlation_id,
        };
        for _ in 0..ROUNDS {
            if let Some(effect) = self.try_follow(story, &after, event.occurred_at).await? {
                return Ok(effect);
            }
        }
        Err(Failure::Unavailable(format!("the reminders of task {} kept changing", after.task_id)))
    }

    /// One round; nothing when somebody else was faster.
    async fn try_follow(&self, story: Story<'_>, after: &Schedule, at: DateTime<Utc>) -> Result<Option<Effect>, Failure> {
        let known = self.store.find(after.task_id, Some(story.event_id)).await?;
        if known.processed {
            return Ok(Some(Effect::Duplicate));
        }
        let before = known.schedule.as_ref();
        if before.is_some_and(|before| before.version >= after.version) {
            return Ok(Some(Effect::Ignored));
        }
        let steps = plan(before, after, &known.reminders, at);
        let revision = before.map_or(0, |before| before.revision);
        let pursuit = Pursuit::new(story, revision, after, &known.reminders, &steps, self.clock.now())?;
        match self.store.follow(&pursuit).await {
            Ok(0) => Ok(None),
            Ok(rows) => {
                // One row is the task's event; what was to be set was set, or the statement had failed.
                let set = pursuit.sets() as u64;
                let cancelled = rows.saturating_sub(1 + set);
                self.metrics.scheduled.inc_by(set);
                self.metrics.cancelled.inc_by(cancelled);
                tracing::info!(user_id = %after.user_id, task_id = %after.task_id, set, cancelled, "reminders follow their task");
                Ok(Some(Effect::Done))
            }
            Err(error) => match error.constraint() {
                Some(store::PROCESSED) => Ok(Some(Effect::Duplicate)),
                Some(store::ONCE_OPEN) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    /// A delivery ended.
    async fn conclude(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<ReminderEvent>()?;
        let (id, task_id, channels, status) = match &event.body {
            ReminderEvent::Delivered { reminder_id, task_id, channels } => {
                (*reminder_id, task_id, channels, DeliveryStatus::Delivered)
            }
            ReminderEvent::Failed { reminder_id, task_id, channels } => (*reminder_id, task_id, channels, DeliveryStatus::Failed),
            _ => return Ok(Effect::Ignored),
        };
        let version = event.metadata.sequence;
        let outcome =
            Outcome { event_id: event.event_id, topic: REMINDERS, id, status, channels, version, now: self.clock.now() };
        if self.store.conclude(&outcome).await? == 0 {
            return Ok(Effect::Duplicate);
        }
        tracing::info!(user_id = %event.metadata.user_id, %task_id, reminder_id = %id, outcome = ?status, ?channels, "a reminder's delivery ended");
        Ok(Effect::Done)
    }
}
