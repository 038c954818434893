//! A tick of the clock: every reminder whose time has come fires once, however many instances tick.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use service::Clock;
use service::telemetry::{Kind, Span, Spans};
use sidecar::{Context, Trace};
use uuid::Uuid;

use crate::announce;
use crate::metrics::Metrics;
use crate::reminder::{DeliveryStatus, Reason, Reminder};
use crate::store::{Store, Verdict};
use crate::tasks::{Expected, Open, Tasks};

/// Reminders of one claim: one question to tasks and one statement, each far below the limits of a body.
const BATCH: usize = 200;
/// A worker that died holds its claims this long: more than the question to tasks may take (6 s), and short enough that with a tick
/// before it and one after it (10 s each) nobody is told more than 30 s late. A worker that outlives its claim decides nothing.
const LEASE_SECONDS: u32 = 8;
/// Nobody wants to be told of a task that has been over for this long.
const TOO_LATE: TimeDelta = TimeDelta::hours(24);

/// What a tick needs.
#[derive(Clone)]
pub struct Trigger {
    /// Every statement.
    pub store: Store,
    /// Who knows whether a task is still open.
    pub tasks: Tasks,
    /// Counts.
    pub metrics: Metrics,
    /// Spans.
    pub spans: Spans,
    /// Time.
    pub clock: Clock,
}

/// What becomes of a reminder whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fires, with the task's title.
    Fire(String),
    /// It is too late.
    Expire,
    /// The task is not open with that due date any more.
    Stale,
}

/// The fate of a reminder, by what tasks said.
pub fn fate(reminder: &Reminder, open: &BTreeMap<Expected, String>, now: DateTime<Utc>) -> Fate {
    if is_too_late(reminder, now) {
        return Fate::Expire;
    }
    match open.get(&expected(reminder)) {
        Some(title) => Fate::Fire(title.clone()),
        None => Fate::Stale,
    }
}

fn is_too_late(reminder: &Reminder, now: DateTime<Utc>) -> bool {
    now - reminder.due_at > TOO_LATE
}

fn expected(reminder: &Reminder) -> Expected {
    Expected { id: reminder.task_id, due_at: reminder.due_at }
}

/// A reminder's own span below the one that set it, and the tick that made it.
struct Firing<'a> {
    reminder: &'a Reminder,
    fate: Fate,
    /// The span that set the reminder, and the one that fires it.
    spans: Option<(Trace, Trace)>,
}

impl Trigger {
    /// Fires everything whose time has come; gives how many fired.
    ///
    /// # Errors
    /// When the database did not answer; what was claimed comes again after its lease.
    pub async fn tick(&self) -> sidecar::Result<usize> {
        let worker = Uuid::new_v4();
        let mut fired = 0;
        loop {
            let claimed = self.store.claim(worker, self.clock.now(), BATCH, LEASE_SECONDS).await?;
            if claimed.is_empty() {
                break;
            }
            self.metrics.claim_batch.observe(claimed.len() as f64);
            let Some(open) = self.confirm(worker, &claimed).await? else { break };
            fired += self.carry_out(worker, &claimed, &open).await?;
        }
        self.metrics.pending.set(self.store.pending().await?);
        Ok(fired)
    }

    /// Which of the tasks are open as the reminders expect. When tasks cannot say, the claims are given back for the next tick.
    async fn confirm(&self, worker: Uuid, claimed: &[Reminder]) -> sidecar::Result<Option<BTreeMap<Expected, String>>> {
        let now = self.clock.now();
        let asked: BTreeSet<Expected> = claimed.iter().filter(|reminder| !is_too_late(reminder, now)).map(expected).collect();
        match self.tasks.open(&asked).await {
            Ok(open) => Ok(Some(open.into_iter().map(|Open { id, title, due_at }| (Expected { id, due_at }, title)).collect())),
            Err(error) => {
                tracing::warn!(%error, reminders = claimed.len(), "tasks could not say what is open; the next tick asks again");
                let ids: Vec<Uuid> = claimed.iter().map(|reminder| reminder.id).collect();
                self.store.release(worker, &ids).await?;
                Ok(None)
            }
        }
    }

    /// One statement for the whole batch: what fires, what expires, what is stale, each with its event.
    async fn carry_out(&self, worker: Uuid, claimed: &[Reminder], open: &BTreeMap<Expected, String>) -> sidecar::Result<usize> {
        let (now, start, began) = (self.clock.now(), SystemTime::now(), Instant::now());
        let firings: Vec<Firing<'_>> = claimed.iter().map(|reminder| Firing::new(reminder, fate(reminder, open, now))).collect();
        let verdicts = firings.iter().map(|firing| firing.verdict(now)).collect::<sidecar::Result<Vec<_>>>()?;
        let decided: BTreeSet<Uuid> = self.store.decide(worker, &verdicts).await?.into_iter().collect();
        let tick = Context::current();
        let mut fired = 0;
        for firing in firings.iter().filter(|firing| decided.contains(&firing.reminder.id)) {
            if matches!(firing.fate, Fate::Fire(_)) {
                fired += 1;
            }
            self.report(firing, &tick, now, start, began).await;
        }
        Ok(fired)
    }

    /// One line, one span and the counts, as part of the story that set the reminder.
    async fn report(&self, firing: &Firing<'_>, tick: &Context, now: DateTime<Utc>, start: SystemTime, began: Instant) {
        let reminder = firing.reminder;
        let lateness = now - reminder.remind_at;
        let outcome = firing.outcome();
        if matches!(firing.fate, Fate::Fire(_)) {
            self.metrics.triggered.inc();
            self.metrics.lateness.observe(lateness.as_seconds_f64());
        } else {
            self.metrics.cancelled.inc();
        }
        let tick_id = format!("{:032x}", tick.trace.trace_id);
        if let Some((above, own)) = firing.spans {
            let tags = BTreeMap::from([
                ("tick", tick_id.clone()),
                ("reminder_id", reminder.id.to_string()),
                ("task_id", reminder.task_id.to_string()),
                ("outcome", outcome.to_owned()),
                ("lateness_ms", lateness.num_milliseconds().to_string()),
            ]);
            let parent = Some(above.span_id);
            self.spans.record(Span {
                trace: own,
                parent,
                name: "reminder trigger",
                kind: Kind::Producer,
                start,
                duration: began.elapsed(),
                tags,
            });
        }
        let story = Context {
            trace: firing.spans.map_or(tick.trace, |(_, own)| own),
            correlation_id: reminder.correlation_id.as_deref().map_or_else(|| tick.correlation_id.clone(), Into::into),
            cause: None,
        };
        let (user_id, task_id, reminder_id, lateness_ms) =
            (reminder.user_id, reminder.task_id, reminder.id, lateness.num_milliseconds());
        sidecar::trace::within(story, async {
            tracing::info!(%user_id, %task_id, %reminder_id, outcome, lateness_ms, tick = tick_id, "a reminder's time came");
        })
        .await;
    }
}

impl<'a> Firing<'a> {
    fn new(reminder: &'a Reminder, fate: Fate) -> Self {
        let above = reminder.traceparent.as_deref().and_then(Trace::parse);
        Self { reminder, fate, spans: above.map(|above| (above, above.child())) }
    }

    fn outcome(&self) -> &'static str {
        match self.fate {
            Fate::Fire(_) => "triggered",
            Fate::Expire => "expired",
            Fate::Stale => "stale",
        }
    }

    fn verdict(&self, now: DateTime<Utc>) -> sidecar::Result<Verdict> {
        let reminder = self.reminder;
        let traceparent = self.spans.map(|(_, own)| own.to_string());
        let (status, reason, event) = match &self.fate {
            Fate::Fire(title) => (DeliveryStatus::Triggered, None, announce::due(reminder, title, traceparent, now)?),
            Fate::Expire => (DeliveryStatus::Expired, None, announce::given_up(reminder, Reason::Expired, traceparent, now)?),
            Fate::Stale => {
                (DeliveryStatus::Cancelled, Some(Reason::Stale), announce::given_up(reminder, Reason::Stale, traceparent, now)?)
            }
        };
        Ok(Verdict { id: reminder.id, version: reminder.version, status, reason, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reminder::{Schedule, Source, TaskStatus};

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn reminder(due_at: DateTime<Utc>) -> Reminder {
        let task = Schedule {
            task_id: Uuid::from_u128(7),
            user_id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            title: String::new(),
            due_at: Some(due_at),
            offset_minutes: None,
            status: TaskStatus::Open,
            version: 1,
            revision: 1,
        };
        crate::store::new_reminder(&task, due_at, 60, Source::Task, NOW)
    }

    fn open(due_at: DateTime<Utc>) -> BTreeMap<Expected, String> {
        BTreeMap::from([(Expected { id: Uuid::from_u128(7), due_at }, "Submit report".to_owned())])
    }

    #[test]
    fn only_an_open_task_with_that_due_date_is_told_of() {
        let due = NOW + TimeDelta::minutes(60);
        assert_eq!(fate(&reminder(due), &open(due), NOW), Fate::Fire("Submit report".into()));
        assert_eq!(fate(&reminder(due), &open(due + TimeDelta::seconds(1)), NOW), Fate::Stale);
        assert_eq!(fate(&reminder(due), &BTreeMap::new(), NOW), Fate::Stale);
    }

    #[test]
    fn a_task_over_for_a_day_is_not_told_of() {
        let day = NOW - TimeDelta::hours(24);
        assert_eq!(fate(&reminder(day), &open(day), NOW), Fate::Fire("Submit report".into()));
        let over = day - TimeDelta::seconds(1);
        assert_eq!(fate(&reminder(over), &open(over), NOW), Fate::Expire);
    }

    #[test]
    fn what_fires_continues_the_story_that_set_it() {
        let due = NOW + TimeDelta::minutes(60);
        let set = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let reminder = Reminder { traceparent: Some(set.into()), correlation_id: Some("order-42".into()), ..reminder(due) };
        let verdict = Firing::new(&reminder, Fate::Fire("Submit report".into())).verdict(NOW).unwrap();
        let traceparent = verdict.event.traceparent.unwrap();
        assert!(traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && traceparent != set);
        assert_eq!(verdict.event.payload["metadata"]["correlation_id"], "order-42");
        assert_eq!(verdict.event.payload["event_type"], "reminder.due");
        assert_eq!(verdict.event.aggregate_version, reminder.version + 1);
    }
}
